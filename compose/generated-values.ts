import { createHash, randomInt } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { makeCertificate, type CertificateOutputs } from "./certificates.ts";

interface Value {
  /** Hash of the inputs that it was made from. */
  readonly madeFrom: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Passwords, keys and certificates, each made once and kept in a file that its owner alone may read.
 *
 * They have the names of the resources that declare them. A certificate is made anew when what it is made from changes or its
 * `earlyRenewalHours` begin.
 */
export class GeneratedValues {
  /** Names of the resources whose values the file had. */
  readonly kept: readonly string[];
  private readonly path: string;
  private readonly values: Record<string, Value>;
  private changed = false;

  /** @throws Error when the file isn't what was written. */
  constructor(path: string) {
    this.path = path;
    this.values = existsSync(path) ? parse(path) : {};
    this.kept = Object.keys(this.values);
  }

  /** Returns the outputs of a resource of @pulumi/random or @pulumi/tls. */
  async outputsOf(type: string, name: string, inputs: Readonly<Record<string, any>>): Promise<Readonly<Record<string, string>>> {
    const kept = this.values[name];
    const madeFrom = createHash("sha256")
      .update(JSON.stringify([type, sorted(inputs)]))
      .digest("hex")
      .slice(0, 16);
    if (kept !== undefined && kept.madeFrom === madeFrom && !isDue(kept.outputs, inputs)) return kept.outputs;
    const outputs = type === "random:index/randomPassword:RandomPassword" ? { result: password(inputs) } : await makeCertificate(type, inputs);
    this.values[name] = { madeFrom, outputs: outputs as Record<string, string> };
    this.changed = true;
    return this.values[name].outputs;
  }

  /** Writes the file when there is something new. */
  save(): void {
    if (!this.changed) return;
    // Complete or as before.
    writeFileSync(`${this.path}.incoming`, `${JSON.stringify(this.values, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(`${this.path}.incoming`, this.path);
    this.changed = false;
  }
}

function parse(path: string): Record<string, Value> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, Value>;
  } catch (error) {
    throw new Error(`${path} holds this stack's passwords and can't be read (${(error as Error).message}); fix: restore it from a copy`, {
      cause: error,
    });
  }
}

function isDue({ validityEndTime }: CertificateOutputs, { earlyRenewalHours = 0 }: Readonly<Record<string, any>>): boolean {
  return validityEndTime !== undefined && Date.parse(validityEndTime) - Date.now() < earlyRenewalHours * 3_600_000;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function password({ length, special }: Readonly<Record<string, any>>): string {
  if (special !== false) throw new Error("only passwords of letters and digits are made");
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join("");
}

function sorted(inputs: Readonly<Record<string, unknown>>): unknown {
  return Object.keys(inputs)
    .sort()
    .map((key) => [key, inputs[key]]);
}
