import { DockerError } from "../components/docker-engine.ts";
import { awaitAcmeCertificates, type AcmeNamesArgs } from "../components/served-certificate.ts";

/** Waits until nginx has a certificate for every name that it asks an ACME directory for; returns a warning for each that waits longer. */
export async function waitingNames(args: Omit<AcmeNamesArgs, "hostnames">): Promise<string[]> {
  const names = await args.docker("exec", args.container, "cat", "/etc/nginx/stack/current/acme-names").catch((error) => {
    // nginx asks nobody.
    if (error instanceof DockerError) return { stdout: "" };
    throw error;
  });
  const hostnames = names.stdout.split("\n").filter((name) => name !== "");
  return hostnames.length === 0 ? [] : awaitAcmeCertificates({ ...args, hostnames });
}
