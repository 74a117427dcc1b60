import { createHash } from "node:crypto";

/** The networks of a stack lie side by side; a name that isn't here can't be given addresses. */
const networkKeys = ["edge", "app", "db", "dev", "backup"];

/**
 * Returns the addresses of a network, which the program has to know beforehand and an engine would choose only later.
 *
 * They come from 10.128.0.0/9, of which Docker's own choice takes nothing; which part of it, the stack's name decides.
 */
export function addressesOf(prefix: string, key: string): { subnet: string; gateway: string } {
  const index = networkKeys.indexOf(key);
  if (index < 0) throw new Error(`network ${key}: no addresses are set aside for it`);
  const [second, third] = createHash("sha256").update(prefix).digest();
  const network = `10.${128 + (second % 128)}.${(third % 32) * 8 + index}`;
  return { subnet: `${network}.0/24`, gateway: `${network}.1` };
}
