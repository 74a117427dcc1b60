import { expect, test } from "vitest";
import { renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";

const render = (change: Partial<NginxConfigArgs> = {}) => renderNginxConfig({ ...nginxArgs, ...change }).files;

test("the maps and the headers, word for word", () => {
  const files = render({ webSockets: true });
  expect(files["nginx.conf"]).toContain(`
    map "$server_protocol $http_upgrade" $web_socket {
        default "";
        "~*^HTTP/1\\.1 websocket$" websocket;
    }
    map $web_socket $upstream_connection {
        default "";
        websocket upgrade;
    }

    include site-https.conf;
`);
  expect(files["proxy.conf"]).toContain(`
proxy_http_version 1.1;
proxy_set_header Upgrade $web_socket;
proxy_set_header Connection $upstream_connection;
proxy_set_header Host $host;
`);
});

test("without them nothing of an upgrade reaches Django", () => {
  const files = render();
  expect(files["proxy.conf"]).toContain('\nproxy_set_header Connection "";\n');
  expect(Object.values(files).join("\n")).not.toMatch(/web_socket|upgrade/i);
});

test("a WebSocket passes by the cache", () => {
  const cache = { minutes: 10, version: 3, maxSize: "256m", sessionCookies: ["sessionid"], exceptPaths: [] };
  expect(render({ cache, webSockets: true })["cache.conf"]).toContain(
    "proxy_cache_bypass $known_visitor $http_authorization $web_socket;\nproxy_no_cache $known_visitor $http_authorization $web_socket;\n",
  );
  expect(render({ cache })["cache.conf"]).toContain("proxy_cache_bypass $known_visitor $http_authorization;\n");
});

test("nginx's workers of before keep it until its replica has stopped", () => {
  expect(render({ webSockets: true, transferSeconds: 35 })["nginx.conf"]).toContain("worker_shutdown_timeout 40s;");
  expect(render({ transferSeconds: 35 })["nginx.conf"]).toContain("worker_shutdown_timeout 35s;");
});
