import { execFileSync } from "node:child_process";

/** The networks that visitors are in; this machine has the first address of each. */
const networks = ["2001:db8:0:1", "2001:db8:0:2"];

/** Returns the address of a visitor: the network's number from 0, and 2 or 3. */
export const addressOf = (network: number, host: 2 | 3): string => `${networks[network]}::${host}`;

/** A script that sends requests one after the other and prints their statuses: from, host name, port, paths. */
const script = `
import { request } from "node:https";
const [from, name, port, ...paths] = process.argv.slice(1);
const options = { host: "${networks[0]}::1", port, localAddress: from, servername: name, rejectUnauthorized: false, agent: false };
const status = (path) => new Promise((resolve, reject) =>
  request({ ...options, path, headers: { Host: name } }, (answer) => answer.resume().on("end", () => resolve(answer.statusCode))).on("error", reject).end());
const statuses = [];
for (const path of paths) statuses.push(await status(path));
console.log(JSON.stringify(statuses));`;

/** Visitors from elsewhere, in a network namespace of their own that reaches this machine over IPv6. */
export class Ipv6Visitors {
  private readonly name: string;

  /** @param name at most 14 letters and digits: the kernel's limit for names of network cards, less one. */
  constructor(name: string) {
    this.name = name;
    this.remove();
    ip("netns", "add", name);
    ip("link", "add", `${name}a`, "type", "veth", "peer", "name", `${name}b`, "netns", name);
    // Without waiting for others who might have the address.
    for (const network of networks) ip("address", "add", `${network}::1/64`, "dev", `${name}a`, "nodad");
    ip("link", "set", `${name}a`, "up");
    for (const host of ["2", "3"])
      for (const network of networks) ip("-netns", name, "address", "add", `${network}::${host}/64`, "dev", `${name}b`, "nodad");
    ip("-netns", name, "link", "set", `${name}b`, "up");
  }

  /** Sends requests to a port of this machine, under the name of a URL, and returns their statuses. */
  statuses(from: string, url: string, paths: readonly string[]): number[] {
    const { hostname, port } = new URL(url);
    const words = ["netns", "exec", this.name, process.execPath, "--input-type=module", "--eval", script, from, hostname, port, ...paths];
    return JSON.parse(execFileSync("ip", words, { encoding: "utf8", timeout: 120_000 }));
  }

  /** Takes the namespace away, and with it the pair of network cards. */
  remove(): void {
    try {
      ip("netns", "delete", this.name);
    } catch {
      // There was none.
    }
  }
}

const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });
