import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { djangoHeaders } from "../../nginx/headers.ts";
import { renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";
import { installPythonTool } from "../support/python-tool.ts";

const longLabel = "a".repeat(63);
const variants: [string, Partial<NginxConfigArgs>][] = [
  ["TLS", {}],
  ["TLS on another port", { httpsPort: 8443 }],
  ["the modern guideline and further names", { tlsPolicy: "modern", redirectNames: ["old.example", "older.example"] }],
  [
    "TLS ended by another proxy",
    { tls: "outer", httpsPort: undefined, trustedProxies: ["10.0.0.0/8", "2001:db8::1"], redirectNames: ["old.example"] },
  ],
  ["odd headers", { headers: { ...nginxArgs.headers, contentSecurityPolicy: `default-src 'self' "x\\" ;{}#`, frameOptions: "off" } }],
  [
    "odd headers that Django may set",
    { headers: { ...nginxArgs.headers, contentSecurityPolicy: `default-src 'self' "x\\" ;{}#`, fromDjango: djangoHeaders } },
  ],
  ["no TLS", { tls: "off", httpsPort: undefined, httpPort: 8080, serverNames: ["localhost", "127.0.0.1", "[::1]"], staticFromVolume: false }],
  ["the longest names", { serverNames: [`${longLabel}.${longLabel}.${longLabel}.${"b".repeat(59)}.uk`, "xn--bcher-kva.example", "*.shop.example"] }],
  [
    "every option of traffic",
    {
      balancing: "ip_hash",
      snippets: { http: "map $uri $mine {\n    default 1;\n}\n", server: "location = /mine {\n    root /vol/web/media;\n}\n" },
      cache: {
        minutes: 10,
        version: 2,
        maxSize: "256m",
        sessionCookies: ["sessionid", "__Secure-session.id"],
        exceptPaths: ["/admin/", "/accounts/"],
      },
      limits: { requestsPerSecond: 100, burst: 200, loginAttemptsPerMinute: 10, loginPaths: ["/admin/login/"], connections: 100 },
      gateways: ["172.18.0.1", "fd00::1"],
      access: { allow: ["10.0.0.0/8"], deny: ["192.0.2.1"], paths: { "/admin/": { allow: ["192.0.2.0/24"], deny: [] } } },
      basicAuth: { username: "staging", passwordVersion: 1 },
      maintenance: { allow: ["192.0.2.7"], retryAfterSeconds: 300 },
      robots: "User-agent: *\nDisallow: /\n",
      privateMedia: "private",
      webSockets: true,
    },
  ],
  ["addresses of IPv6", { ipv6: true, redirectNames: ["old.example"] }],
  ["32 replicas", { replicas: Array.from({ length: 32 }, (_, index) => `movies-prod-django-${index}-1a2b3c4`) }],
];

const folder = mkdtempSync(join(tmpdir(), "django-stack-nginx-"));
let gixy = "";

// `npm test` gives the command, and prints the reason where there is none.
const hasPython = process.env.DJANGO_STACK_TEST_PYTHON !== "";

beforeAll(() => {
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      join(folder, "key.pem"),
      "-out",
      join(folder, "certificate.pem"),
      "-subj",
      "/CN=movies.example",
      "-days",
      "2",
    ],
    { stdio: "ignore" },
  );
  if (hasPython) gixy = join(installPythonTool(folder, "gixy-ng==0.2.59"), "gixy");
});

afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, change: Partial<NginxConfigArgs>): string {
  const target = join(folder, name.replaceAll(" ", "-"));
  const { files } = renderNginxConfig({ ...nginxArgs, ...change });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), text);
  }
  mkdirSync(join(target, "tls"), { recursive: true });
  for (const file of ["key.pem", "certificate.pem"]) execFileSync("cp", [join(folder, file), join(target, "tls", file)]);
  return target;
}

describe.each(variants)("with %s", (name, change) => {
  test("nginx accepts the configuration without a warning", () => {
    const target = write(name, change);
    const run = spawnSync(
      "docker",
      [
        ...["run", "--rm", "--network", "none", "--volume", `${target}:/etc/nginx/stack:ro`, "--tmpfs", "/var/cache/stack"],
        ...["nginx:1.30", "nginx", "-t", "-c", "/etc/nginx/stack/nginx.conf"],
      ],
      { encoding: "utf8" },
    );
    expect(run.stderr).toContain("test is successful");
    expect(run.stderr).not.toMatch(/\[(warn|emerg)\]/);
  });

  test.skipIf(!hasPython)("gixy finds nothing of high or medium severity", () => {
    const target = write(name, change);
    expect(existsSync(gixy)).toBe(true);
    const { stdout } = spawnSync(gixy, ["--format", "json", "--nginx-version", "1.30.6", join(target, "nginx.conf")], { encoding: "utf8" });
    const findings = JSON.parse(stdout).filter(
      ({ severity, plugin, config }: Record<string, string>) =>
        (severity === "HIGH" || severity === "MEDIUM") &&
        // A client who is denied anyway may be told that the site is closed, or that there is nothing at a path that climbs, in place of 403.
        !(plugin === "return_bypasses_allow_deny" && (config.match(/return [^;]*/g) ?? []).every((found) => /^return (503|404)$/.test(found))),
    );
    expect(findings.map(({ plugin, summary, config }: Record<string, string>) => `${plugin}: ${summary} ${config}`)).toEqual([]);
  });
});

test.skipIf(!hasPython)("gixy finds what is planted", () => {
  const target = write("planted", {});
  writeFileSync(join(target, "locations.conf"), "location /static { alias /vol/web/static/; }\n");
  const { stdout } = spawnSync(gixy, ["--format", "json", join(target, "nginx.conf")], { encoding: "utf8" });
  expect(JSON.parse(stdout).map(({ plugin }: { plugin: string }) => plugin)).toContain("alias_traversal");
});
