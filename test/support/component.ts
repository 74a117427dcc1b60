import { reveal, runProgram, type Registration } from "./program.ts";
import { prod } from "./unit.ts";

/** Type tokens without their package and module, as in `Container`. */
const shortType = (type: string) => type.split(":").at(-1) ?? type;

/** Runs `build` alone under mocks and returns its resources by `<Type> <name>`, inputs revealed, `undefined` left out. */
export async function componentResources(build: () => unknown): Promise<Record<string, Registration>> {
  const { registrations } = await runProgram({ stack: "prod", config: prod, build });
  const custom = registrations.filter(({ type }) => !type.startsWith("django-stack:") && !type.startsWith("pulumi:"));
  return Object.fromEntries(
    custom
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((registration) => [
        `${shortType(registration.type)} ${registration.name}`,
        { ...registration, inputs: JSON.parse(JSON.stringify(reveal(registration.inputs))) },
      ]),
  );
}

/** Labels as an object, without the `django-stack.`. */
export function labelsOf({ inputs }: Registration): Record<string, string> {
  return Object.fromEntries(inputs.labels.map(({ label, value }: { label: string; value: string }) => [label.replace("django-stack.", ""), value]));
}

export const owner = { name: "movies", stack: "prod", checkout: "aaaaaaaaaaaa" };
