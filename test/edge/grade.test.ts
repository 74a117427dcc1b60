import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ContainerStack } from "../support/container-stack.ts";
import { buildHost } from "../support/host-image.ts";
import { docker, Site } from "../support/site.ts";

let image = "";
// Ports of its own, for it runs while another suite does.
const httpsPort = 18449;
const site = new Site("dsedge", (stack, config) => new ContainerStack(stack, config), {
  config: { httpPort: "18086", httpsPort: String(httpsPort) },
});
const folder = mkdtempSync(join(tmpdir(), "django-stack-testssl-"));

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

beforeAll(async () => {
  image = buildHost("testssl");
  await site.start();
});
afterAll(async () => {
  await site.stop();
  rmSync(folder, { recursive: true });
});

/** Runs testssl.sh against the site and returns what it found. */
function grade(name: string): Finding[] {
  writeFileSync(join(folder, "ca.pem"), site.outputs.caCertificate);
  const args = ["--quiet", "--color", "0", "--add-ca", "/report/ca.pem", "--ip", "127.0.0.1", "--jsonfile", `/report/${name}.json`];
  spawnSync("docker", ["run", "--rm", "--network", "host", "--volume", `${folder}:/report`, image, ...args, site.outputs.url], { encoding: "utf8" });
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
}

// A private authority publishes no list of revoked certificates; gzip of pages is what BREACH is warned of, and Django masks its tokens.
const known = ["cert_revocation", "BREACH"];
const worth = ["MEDIUM", "HIGH", "CRITICAL"];

test.each(["intermediate", "modern"])("the %s guideline earns A+, with nothing of medium severity found", async (policy) => {
  site.stack.config = { ...site.stack.config, tls: { mode: "self-signed", policy } };
  await site.up();
  const findings = grade(policy);
  const found = (id: string) => findings.find((finding) => finding.id === id)?.finding;
  expect(found("overall_grade")).toBe("A+");
  expect(
    findings
      .filter(({ id, severity }) => worth.includes(severity) && !known.includes(id))
      .map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`),
  ).toEqual([]);
  expect((await site.anonymous().request("/")).headers["strict-transport-security"]).toBe("max-age=63072000");
  const offered = docker("run", "--rm", "--network", "host", "--entrypoint", "sh", image, "-c", `openssl s_client -connect 127.0.0.1:${httpsPort} -servername movies.localhost -groups X25519MLKEM768 </dev/null 2>&1 | grep -i "Negotiated TLS1.3 group"`); // prettier-ignore
  expect(offered).toContain("X25519MLKEM768");
});
