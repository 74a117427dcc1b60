import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Returns an address of this machine's by which requests reach a published port as they do from elsewhere: Docker's own on its default network; 127.0.0.1
 * where that is no address of this machine's.
 *
 * Connections to 127.0.0.1 are carried by a process of Docker's (docker-proxy), which no visitor from elsewhere meets, and which has no more of the
 * processors than the daemon that makes containers meanwhile.
 */
export async function outsideAddress(): Promise<string> {
  const format = "{{range .IPAM.Config}}{{.Gateway}}\n{{end}}";
  const gateways = execFileSync("docker", ["network", "inspect", "bridge", "--format", format], { encoding: "utf8" }).split("\n");
  for (const address of gateways.filter((gateway) => gateway !== "")) if (await isOurs(address)) return address;
  return "127.0.0.1";
}

/** Node.js lists no address of a network that has no containers, so this asks for a port there. */
async function isOurs(address: string): Promise<boolean> {
  const server = createServer().listen(0, address);
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
