import * as pulumi from "@pulumi/pulumi";
import { expect } from "vitest";
import { loadConfig } from "../../config.ts";
import { runProgram } from "./program.ts";

/** Loads a stack's config under mocks. */
export async function load(stack: string, config: Record<string, unknown>, secretKeys: string[] = []) {
  let loaded: ReturnType<typeof loadConfig> | undefined;
  await runProgram({ stack, config, secretKeys, build: () => void (loaded = loadConfig()) });
  return loaded as ReturnType<typeof loadConfig>;
}

/** Returns the message that a stack's config is refused with; `no error` when it isn't. */
export async function errorOf(stack: string, config: Record<string, unknown>, secretKeys: string[] = []): Promise<string> {
  return load(stack, config, secretKeys).then(
    () => "no error",
    (error) => {
      expect(error).toBeInstanceOf(pulumi.RunError);
      return error.message;
    },
  );
}
