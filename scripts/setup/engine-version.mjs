// What answers where Docker's engine is expected, asked alike by the set-up and by the program, which every plain `pulumi up` runs.

/** The oldest Docker Engine that the stack was run on. */
export const oldestEngine = "20.10";

/** Of the docker command's `version`: the engine's version, and the first program that it is made of. */
export const engineVersionFormat = "{{.Server.Version}}|{{range $index, $part := .Server.Components}}{{if eq $index 0}}{{$part.Name}}{{end}}{{end}}";

/** Returns what that prints as `{ version, podman }`; Podman answers in Docker's place, with versions of its own. */
export function parseEngineVersion(text) {
  const [version, program] = text.trim().split("|");
  return { version: /^\d/.test(version) ? version : "", podman: program === "Podman Engine" };
}
