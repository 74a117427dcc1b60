/**
 * Returns the stack outputs that this stack has.
 *
 * Pulumi takes an output that is undefined for a mistake, and warns of it at every command.
 */
export function definedOutputs(outputs: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== undefined));
}
