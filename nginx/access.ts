import { createHash, createHmac } from "node:crypto";

/** Who may come in: with an allow list nobody else; who is denied never. */
export interface AddressLists {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** Renders a list of addresses and ranges; the first line that fits a client counts. */
export function renderAddressLists({ allow, deny }: AddressLists): string {
  return [...deny.map((range) => `deny ${range};`), ...allow.map((range) => `allow ${range};`), ...(allow.length > 0 ? ["deny all;"] : [])]
    .map((line) => `${line}\n`)
    .join("");
}

/** While the site is being worked on: who may use it all the same. */
export interface MaintenanceArgs {
  readonly allow: readonly string[];
  /** When others should come again, in seconds. */
  readonly retryAfterSeconds: number;
}

/** Renders who is turned away, for the http block. */
export function renderMaintenance({ allow }: MaintenanceArgs): string {
  return ["geo $turned_away {", "    default 1;", ...allow.map((range) => `    ${range} 0;`), "}"].map((line) => `    ${line}\n`).join("") + "\n";
}

export interface BasicAuthArgs {
  readonly username: string;
  /** Another number is another password, which comes as a file of its own. */
  readonly passwordVersion: number;
}

/**
 * Renders the file of names and passwords.
 *
 * SHA-1 with a salt, because nginx works it out for every request; it is nothing for passwords that people choose.
 *
 * @param password long and random.
 */
export function renderPasswordFile(username: string, password: string): string {
  // Made from the password itself, so that the same password gives the same file.
  const salt = createHmac("sha256", password).update("nginx").digest().subarray(0, 16);
  const digest = createHash("sha1").update(password).update(salt).digest();
  return `${username}:{SSHA}${Buffer.concat([digest, salt]).toString("base64")}\n`;
}
