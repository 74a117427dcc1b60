import { runProgram, type ProgramArgs } from "./program.ts";

/** Stack configs like those of the two files of the checkout. */
export const dev = { environment: "dev", app: { target: "development" } };
export const prod = { environment: "prod" };

/** Runs the whole program with fixed answers. */
export function program(stack: "dev" | "prod", config: Record<string, unknown> = {}, further: Partial<ProgramArgs> = {}) {
  return runProgram({ stack, config: { ...(stack === "dev" ? dev : prod), ...config }, ...further });
}
