import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { signedCertificate } from "../support/certificates.ts";
import { composeProject } from "../support/compose-project.ts";
import { dev, prod } from "../support/unit.ts";

const signed = signedCertificate(["movies.example"]);

/** Stacks that between them declare every resource and input that there is. */
const configs: Record<string, [string, Record<string, unknown>]> = {
  "development": ["dev", dev],
  "development with everything": ["dev", { ...dev, backup: { enabled: true, target: "sftp:backup@example.com:/movies", sshKey: "package.json", sshHostKeys: "package.json" }, superuser: { username: "admin", email: "a@example.com" } }], // prettier-ignore
  "production": ["prod", prod],
  "TLS off": ["prod", { ...prod, bindAddress: "127.0.0.1", tls: { mode: "off" }, httpsPort: "none" }],
  "a proxy in front": ["prod", { ...prod, httpsPort: "none", tls: { mode: "outer" }, trustedProxies: ["10.0.0.0/8"] }],
  "a certificate of one's own": ["prod", { ...prod, domain: "movies.example", tls: { mode: "provided", certificate: signed.chain, privateKey: signed.privateKey } }],
  "ACME": ["prod", { ...prod, domain: "movies.example.com", tls: { mode: "acme" } }],
  "another Postgres": ["prod", { ...prod, postgres: { version: 18, upgradeFrom: 17, cpus: 0.5, memory: "2g" } }],
  "no backups": ["prod", { ...prod, backup: { enabled: false } }],
  "backups in a folder": ["prod", { ...prod, backup: { target: "/srv/backups" } }],
  "backups in S3": ["prod", { ...prod, backup: { target: "s3:https://s3.example/movies", credentials: { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" } } }], // prettier-ignore
  "32 replicas of uvicorn": ["prod", { ...prod, app: { replicas: 32, workerClass: "uvicorn", workers: 1, cpus: 0.1 }, postgres: { maxConnections: 600 } }], // prettier-ignore
  "background processes": ["prod", { ...prod, background: { clock: { command: ["celery", "--app=config", "beat"], alone: true }, tasks: { command: ["sh", "-c", "celery --app=config worker --hostname=\"$$-${HOME}@%h\""], replicas: 2 } } }], // prettier-ignore
  "texts that mean something to Compose": ["prod", { ...prod, app: { env: { PRICE: "$5 and ${HOME}", QUOTED: "a \"b\" 'c' #d", YES: "yes", EMPTY: "" } } }], // prettier-ignore
  "everything of nginx": ["prod", { ...prod, cache: { enabled: true }, maintenance: { enabled: true }, basicAuth: { username: "staging" }, robots: "deny", privateMedia: "private", bindAddress: ["0.0.0.0", "::"], ipv6ClientAddresses: true, redirects: ["www.movies.example"] }], // prettier-ignore
};

test.each(Object.entries(configs))("%s is a project that Docker Compose takes, text for text", async (_, [stack, config]) => {
  const folder = mkdtempSync(join(tmpdir(), "django-stack-compose-"));
  try {
    const { text, files, parsed } = await composeProject(stack, config);
    for (const [path, { content }] of Object.entries({ ...files, "compose.yaml": { content: text } })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    const { code, stdout, stderr } = await compose(folder, "config", "--format", "json", "--no-path-resolution");
    expect([code, stderr]).toEqual([0, ""]);
    const taken = JSON.parse(stdout);
    expect(Object.keys(taken.services).sort()).toEqual(Object.keys(parsed.services).sort());
    for (const [name, service] of Object.entries<any>(parsed.services)) {
      // Compose prints a dollar sign as it wants it written.
      expect([name, taken.services[name].environment ?? undefined]).toEqual([name, service.environment]);
      expect([name, taken.services[name].command ?? undefined]).toEqual([name, service.command]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function compose(folder: string, ...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile("docker", ["compose", "--file", join(folder, "compose.yaml"), ...words], { maxBuffer: 1e8 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, stdout, stderr }),
    );
  });
}
