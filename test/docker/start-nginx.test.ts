import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signedCertificate } from "../support/certificates.ts";
import { docker, logsOf } from "../support/site.ts";

const container = "dsstart-nginx";
const folder = mkdtempSync(join(tmpdir(), "django-stack-start-"));
const current = join(folder, "current");
const write = (name: string, text: string) => writeFileSync(join(current, name), text);
const asked = () => logsOf(container).split("\n").filter((line) => line === "movies.example waits for its certificate: nginx asks for it again").length; // prettier-ignore

const configuration = `
pid /tmp/nginx.pid;
error_log /dev/stderr notice;
events {}
http {
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  access_log off;
  server { listen 8443 ssl; server_name www.movies.example; ssl_certificate other.pem; ssl_certificate_key other.key; }
  server { listen 8443 ssl; server_name movies.example; include served.conf; }
}
`;
const serving = (name: string) => `ssl_certificate ${name}.pem; ssl_certificate_key ${name}.key;\n`;

beforeAll(() => {
  mkdirSync(join(current, "tls"), { recursive: true });
  cpSync(join(import.meta.dirname, "../../containers/start-nginx.sh"), join(current, "start.sh"));
  const [own, other] = [signedCertificate(["movies.example"]), signedCertificate(["movies.example"])];
  write("tls/certificate.pem", own.chain);
  for (const [name, { chain, privateKey }] of Object.entries({ own, other })) {
    write(`${name}.pem`, chain);
    write(`${name}.key`, privateKey);
  }
  write("nginx.conf", configuration);
  write("served.conf", serving("own"));
  execFileSync("chmod", ["-R", "a+rX", folder]);
  execFileSync("docker", ["rm", "--force", container], { stdio: "ignore" });
  const limits = ["--init", "--read-only", "--user", "101:101", "--cap-drop", "ALL", "--network", "none", "--tmpfs", "/tmp:uid=101,gid=101"];
  const retry = ["--env", "ACME_RETRY_SECONDS=1", "--volume", `${folder}:/etc/nginx/stack:ro`];
  docker("run", "--detach", "--name", container, ...limits, ...retry, "--entrypoint", "/bin/sh", "nginx:1.30", "/etc/nginx/stack/current/start.sh");
});
afterAll(() => {
  docker("rm", "--force", container);
  rmSync(folder, { recursive: true });
});

test("leaves nginx alone where no name waits for an ACME directory", async () => {
  await sleep(3000);
  expect(asked()).toBe(0);
  expect(logsOf(container)).not.toContain("reconfiguring");
});

test("reloads nginx again and again while a name is served the stack's own certificate", async () => {
  write("acme-names", "www.movies.example\nmovies.example\n");
  await expect.poll(asked, { timeout: 20_000, interval: 500 }).toBeGreaterThanOrEqual(2);
  await expect.poll(() => logsOf(container), { timeout: 20_000 }).toContain("reconfiguring");
});

test("and no more once every name has another one", async () => {
  write("served.conf", serving("other"));
  await sleep(3000);
  const before = asked();
  await sleep(3000);
  expect(asked()).toBe(before);
});

test("stops at once when nginx is asked to", () => {
  docker("exec", container, "sh", "-c", 'kill -QUIT "$(cat /tmp/nginx.pid)"');
  expect(docker("wait", container).trim()).toBe("0");
});
