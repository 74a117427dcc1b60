// What the steps of `pulumi preview --json` mean for the site.

const containers = "docker:index/container:Container";
const backgroundComponent = "django-stack:index:Background";

/** What a change of a resource means, most serious first; the first match of a resource counts. */
const meanings = [
  { matches: (step) => step.type === "docker:index/volume:Volume" && removes(step) && /-(postgres-\d+-data|media-data|backups|acme-state)$/.test(step.name), words: (names) => `touches data: ${names.join(", ")} would be removed` },
  { matches: (step) => isContainer(step, /-postgres-upgrade$/) && changes(step), words: () => "moves the database to another major version: it can be read and not written to meanwhile" },
  { matches: (step) => isContainer(step, /-postgres$/) && removes(step), words: () => "restarts the database: requests that need it wait or fail for some seconds" },
  { matches: (step) => isContainer(step, /-nginx$/) && removes(step), words: () => "replaces nginx: connections are refused for up to 3 seconds" },
  { matches: (step) => step.type === "docker:index/network:Network" && /-edge$/.test(step.name) && removes(step), words: () => "replaces the network behind the published ports, and nginx with it: connections are refused for some seconds" },
  { matches: (step) => step.type === "docker:index/network:Network" && removes(step), words: (names) => `replaces networks (${names.join(", ")}): every container is made again, the site is away meanwhile` },
  { matches: (step) => step.type === containers && step.op === "update", words: (names) => `changes ${names.join(", ")} in place, or starts what stands still: no interruption` },
  { matches: (step) => isContainer(step, /-django-\d+$/) && step.op === "delete", words: (names) => `removes ${names.length} ${names.length === 1 ? "replica" : "replicas"} after nginx has left them, no interruption` },
  { matches: (step) => isContainer(step, /-django-\d+$/) && step.op === "create", words: (names) => `adds ${names.length} ${names.length === 1 ? "replica" : "replicas"}` },
  { matches: (step) => isContainer(step, /-django-\d+$/) && changes(step), words: () => "rolls the app: new replicas start beside the old ones, no interruption" },
  { matches: (step) => isBackground(step) && step.op === "delete", words: (names) => `ends background processes: ${processes(names)}` },
  { matches: (step) => isBackground(step) && step.op === "create", words: (names) => `adds background processes: ${processes(names)}` },
  { matches: (step) => isBackground(step) && changes(step), words: (names) => `replaces background processes: ${processes(names)}` },
  { matches: (step) => isContainer(step, /-django-release$/) && changes(step), words: () => "runs the release job: migrations and static files" },
  { matches: (step) => isContainer(step, /-nginx-files-job$/) && changes(step), words: () => "reloads nginx, no interruption" },
  { matches: (step) => isContainer(step, /-postgres-roles$/) && changes(step), words: () => "brings the database's roles and passwords up to date" },
  { matches: (step) => isContainer(step, /-backup$/) && changes(step), words: () => "restarts what makes backups" },
  { matches: (step) => step.type === "docker:index/image:Image" && /-django$/.test(step.name) && changes(step), words: () => "builds the app's image" },
  { matches: (step) => step.type.startsWith("tls:") && changes(step), words: () => "makes a new certificate" },
]; // prettier-ignore

function processes(names) {
  return [...new Set(names.map((name) => name.replace(/^.*?-background-/, "").replace(/-\d+$/, "")))].join(", ");
}

function isContainer({ type, name, component }, pattern) {
  return type === containers && component !== backgroundComponent && pattern.test(name);
}

function isBackground({ type, component }) {
  return type === containers && component === backgroundComponent;
}

function changes({ op }) {
  return op !== "same" && op !== "read" && op !== "refresh";
}

function removes({ op }) {
  return /^(delete|replace|create-replacement|delete-replaced)$/.test(op);
}

/**
 * Returns what a preview means, one line each, most serious first.
 *
 * @param preview the parsed output of `pulumi preview --json`.
 */
export function explainPreview(preview) {
  const steps = (preview.steps ?? []).map(({ op, urn }) => {
    const [, , types, name] = urn.split("::");
    const [type, component] = types.split("$").reverse();
    return { op, type, component, name };
  });
  if (steps.every((step) => !changes(step) || step.type === "pulumi:pulumi:Stack")) return ["changes nothing"];
  const fresh = steps.filter(({ type }) => type === containers).every(({ op }) => op === "create");
  if (fresh && steps.some(({ type }) => type === containers)) return ["makes the whole stack"];
  const found = meanings.map(() => new Set());
  for (const step of steps) {
    const index = meanings.findIndex(({ matches }) => matches(step));
    if (index >= 0) found[index].add(step.name);
  }
  const lines = meanings.flatMap(({ words }, index) => (found[index].size > 0 ? [words([...found[index]])] : []));
  return lines.length > 0 ? lines : ["changes nothing that a visitor could notice"];
}

/** Returns the changes of a preview, one line each: operation, kind and name, and the properties that differ; components make nothing themselves. */
export function listChanges(preview) {
  return (preview.steps ?? [])
    .map((step) => ({ ...step, type: step.urn.split("::")[2].split("$").at(-1), name: step.urn.split("::")[3] }))
    .filter(({ op, type }) => changes({ op }) && !type.startsWith("django-stack:") && type !== "pulumi:pulumi:Stack")
    .map(({ op, type, name, detailedDiff, diffReasons }) => {
      const properties = Object.keys(detailedDiff ?? {});
      const differing = properties.length > 0 ? properties : (diffReasons ?? []);
      const line = `${op.padEnd(18)} ${type.split(":").at(-1).padEnd(18)} ${name}`;
      return `${line}${differing.length > 0 ? `  [${differing.join(", ")}]` : ""}`;
    });
}

/** Returns what a preview told of a severity, `warning` or `error`, in its order. */
export function diagnosticsOf(preview, severity) {
  return (preview.diagnostics ?? [])
    .filter((diagnostic) => diagnostic.severity === severity)
    .map(({ message }) => message.replace(new RegExp(`^${severity}: `), "").trim());
}
