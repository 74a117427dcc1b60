import { expect, test } from "vitest";
import { renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";

/** What the servers of the site listen on, in the order of its file. */
function listens(change: Partial<NginxConfigArgs>): string[] {
  const { files } = renderNginxConfig({ ...nginxArgs, redirectNames: ["old.example"], ...change });
  const [, site] = Object.entries(files).find(([path]) => path.startsWith("site-")) ?? [];
  return [...(site ?? "").matchAll(/^ {4}listen (.*);$/gm)].map(([, words]) => words);
}

test.each<[string, Partial<NginxConfigArgs>, string[]]>([
  ["TLS", {}, ["8080 default_server", "8080", "8443 ssl default_server", "8443 ssl", "8080", "8443 ssl"]],
  ["no TLS", { tls: "off", httpsPort: undefined }, ["8080 default_server", "8080", "8080"]],
  ["TLS ended by another proxy", { tls: "outer", httpsPort: undefined }, ["8080 default_server", "8080", "8080"]],
])("with %s each server listens on IPv4, and on IPv6 too where nginx has addresses of it", (_, change, expected) => {
  expect(listens(change)).toEqual(expected);
  expect(listens({ ...change, ipv6: true })).toEqual(expected.flatMap((words) => [words, `[::]:${words}`]));
});

test("what only the stack itself asks stays on IPv4", () => {
  const { files } = renderNginxConfig({ ...nginxArgs, ipv6: true });
  expect(files["nginx.conf"].match(/listen .*/g)).toEqual(["listen 127.0.0.1:8081;", "listen 127.0.0.1:8082;"]);
});
