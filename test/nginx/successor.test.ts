import { expect, test } from "vitest";
import { renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";

const render = (change: Partial<NginxConfigArgs> = {}) => renderNginxConfig({ ...nginxArgs, ...change }).files["nginx.conf"]!;

test("the last server of Django's upstream, and what listens there, word for word", () => {
  const text = render();
  expect(text).toContain(`
    upstream django {
        zone django 256k;
        least_conn;
        server movies-prod-django-0-1a2b3c4:9000 resolve max_fails=2 fail_timeout=1s;
        server movies-prod-django-1-5d6e7f8:9000 resolve max_fails=2 fail_timeout=1s;
        server 127.0.0.1:8082 max_fails=0 backup;
        keepalive 32;
`);
  expect(text.slice(text.indexOf("\nstream {"))).toBe(`
stream {
    resolver 127.0.0.11 valid=1s ipv6=off;

    upstream successor {
        zone successor 256k;
        least_conn;
        server movies-prod-django-0-1a2b3c4:9000 resolve max_fails=2 fail_timeout=1s;
        server movies-prod-django-1-5d6e7f8:9000 resolve max_fails=2 fail_timeout=1s;
    }

    # For workers of a configuration before, whose replicas have gone.
    server {
        listen 127.0.0.1:8082;
        proxy_pass successor;
        proxy_connect_timeout 2s;
        proxy_timeout 30s;
    }
}
`);
});

test("none where a client's address picks the replica", () => {
  expect(render({ balancing: "ip_hash" })).not.toMatch(/8082|backup|stream \{/);
});

test("a transfer goes on as long as it is set, and no shorter than a request may run", () => {
  expect(render({ transferSeconds: 7200 })).toContain("\nworker_shutdown_timeout 7200s;\n");
  expect(render({ transferSeconds: 60, requestGraceSeconds: 100 })).toContain("\nworker_shutdown_timeout 105s;\n");
});
