import { createHash } from "node:crypto";

/** The networks of a stack lie side by side; a name that isn't here can't be given addresses. */
const networkKeys = ["edge", "app", "db", "dev", "backup"];

/** Addresses of a network, in Compose's words. */
export interface AddressRange {
  readonly subnet: string;
  readonly gateway: string;
}

/**
 * Returns the addresses of a network, which the program has to know beforehand and an engine would choose only later.
 *
 * They come from 10.128.0.0/9, of which Docker's own choice takes nothing, and those of IPv6 from the unique local ones
 * (RFC 4193); which part of them, the stack's name decides.
 */
export function addressesOf(prefix: string, key: string, { ipv6 }: { readonly ipv6?: boolean } = {}): AddressRange[] {
  const index = networkKeys.indexOf(key);
  if (index < 0) throw new Error(`network ${key}: no addresses are set aside for it`);
  const hash = createHash("sha256").update(prefix).digest();
  const [second, third] = hash;
  const network = `10.${128 + (second % 128)}.${(third % 32) * 8 + index}`;
  const network6 = `fd${hash.toString("hex", 0, 1)}:${hash.toString("hex", 1, 3)}:${hash.toString("hex", 3, 5)}:${index + 1}::`;
  return [{ subnet: `${network}.0/24`, gateway: `${network}.1` }, ...(ipv6 === true ? [{ subnet: `${network6}/64`, gateway: `${network6}1` }] : [])];
}
