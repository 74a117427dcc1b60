import { describe, expect, test } from "vitest";
import { contentId, renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";

describe("nginx.conf", () => {
  test("names every replica, resolved anew while it runs", () => {
    const replicas = [
      "server movies-prod-django-0-1a2b3c4:9000 resolve max_fails=2 fail_timeout=1s;",
      "server movies-prod-django-1-5d6e7f8:9000 resolve max_fails=2 fail_timeout=1s;",
    ];
    const lines = renderNginxConfig(nginxArgs)
      .files["nginx.conf"].split("\n")
      .map((line) => line.trim());
    expect(lines.filter((line) => line.startsWith("server ") && line.includes(" resolve "))).toEqual([
      ...replicas,
      // Once more for the successor.
      ...replicas,
    ]);
    expect(lines).toContain("resolver 127.0.0.11 valid=1s ipv6=off;");
    expect(lines).toContain("worker_rlimit_nofile 2048;");
    expect(lines).toContain("worker_shutdown_timeout 3600s;");
    expect(lines).toContain("include site-https.conf;");
  });

  test("answers with the id of the configuration", () => {
    const { id, files } = renderNginxConfig(nginxArgs);
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    expect(files["nginx.conf"]).toContain(`return 200 "${id}\\n";`);
  });

  test("has every value filled in and never tells a version", () => {
    const text = Object.values(renderNginxConfig(nginxArgs).files).join("\n");
    expect(text).not.toMatch(/\{\{|\}\}|undefined/);
    expect(text).toContain("server_tokens off;");
  });
});

test("the id changes with anything that is rendered, and with nothing else", () => {
  const { id } = renderNginxConfig(nginxArgs);
  expect(renderNginxConfig({ ...nginxArgs }).id).toBe(id);
  const changes: Partial<NginxConfigArgs>[] = [
    { serverNames: ["other.example"] }, { replicas: ["a"] }, { replicaPort: 9001 }, { release: "b" }, { httpsPort: 8443 }, { staticFromVolume: false },
    { workerProcesses: 2 }, { workerConnections: 2048 }, { keepaliveSeconds: 10 }, { maxBodySize: "1m" }, { redirectNames: ["old.example"] }, { tlsPolicy: "modern" }, { tls: "outer", trustedProxies: ["10.0.0.1"] },
    { trustedProxies: ["10.0.0.0/8"] }, { headers: { ...nginxArgs.headers, frameOptions: "SAMEORIGIN" } }, { headers: { ...nginxArgs.headers, fromDjango: ["frameOptions"] } }, { requestGraceSeconds: 31 }, { certificate: "new" },
  ]; // prettier-ignore
  const ids = changes.map((change) => renderNginxConfig({ ...nginxArgs, ...change }).id);
  expect(new Set([id, ...ids]).size).toBe(changes.length + 1);
});

test("HSTS reaches subdomains, but not those of the developer's own localhost", () => {
  const header = (serverNames: string[]) =>
    /Strict-Transport-Security "([^"]+)"/.exec(renderNginxConfig({ ...nginxArgs, serverNames }).files["headers.conf"])?.[1];
  expect(header(["movies.example"])).toBe("max-age=63072000; includeSubDomains");
  expect(header(["movies.localhost"])).toBe("max-age=63072000");
  // Never without TLS, and not on the way to it.
  expect(renderNginxConfig(nginxArgs).files["redirect-headers.conf"]).not.toContain("Strict-Transport-Security");
  expect(Object.values(renderNginxConfig({ ...nginxArgs, tls: "off", httpsPort: undefined }).files).join()).not.toContain(
    "add_header Strict-Transport",
  );
});

test("a port that isn't HTTPS's own is in the redirect and in the Host that Django sees", () => {
  const { files } = renderNginxConfig({ ...nginxArgs, httpsPort: 8443 });
  expect(files["site-https.conf"]).toContain("return 301 https://$host:8443$request_uri;");
  expect(files["proxy.conf"]).toContain("proxy_set_header Host $host:8443;");
  expect(files["proxy.conf"]).toContain("proxy_set_header X-Forwarded-Host $host:8443;\nproxy_set_header X-Forwarded-Port 8443;");
});

test("contentId doesn't depend on the order of the files, and tells a name from a content", () => {
  expect(contentId({ a: "1", b: "2" })).toBe(contentId({ b: "2", a: "1" }));
  expect(contentId({ a: "b" })).not.toBe(contentId({ b: "a" }));
});

test("further names lead to the domain, with a handshake of their own", () => {
  const site = renderNginxConfig({ ...nginxArgs, redirectNames: ["old.example", "older.example"], httpsPort: 8443 }).files["site-https.conf"];
  expect(site.slice(site.indexOf("server_name old.example older.example") - 40)).toMatchInlineSnapshot(`
    ".conf;
    }

    server {
        listen 8080;
        server_name old.example older.example;

        include redirect-headers.conf;
        return 301 https://movies.example:8443$request_uri;
    }

    server {
        listen 8443 ssl;
        http2 on;
        server_name old.example older.example;

        include headers.conf;
        return 301 https://movies.example:8443$request_uri;
    }
    "
  `);
});

test("nobody's word on the client's address counts unless it is asked for", () => {
  const text = Object.values(renderNginxConfig(nginxArgs).files).join("\n");
  expect(text).not.toMatch(/real_ip|\$http_x_forwarded/);
  expect(text).toContain("proxy_set_header X-Forwarded-For $remote_addr;");
});

test("the modern guideline speaks TLS 1.3 alone", () => {
  const site = renderNginxConfig({ ...nginxArgs, tlsPolicy: "modern" }).files["site-https.conf"];
  expect(site).toContain("ssl_protocols TLSv1.3;");
  expect(site).not.toContain("ssl_ciphers");
});

test("uploaded files have a policy of their own, and every other header too", () => {
  const { files } = renderNginxConfig(nginxArgs);
  const names = (text: string) => [...text.matchAll(/add_header (\S+)/g)].map(([, name]) => name);
  expect(names(files["media-headers.conf"])).toEqual(names(files["headers.conf"]));
  expect(new Set(names(files["headers.conf"])).size).toBe(names(files["headers.conf"]).length);
  expect(files["media-headers.conf"]).toContain("default-src 'none'");
});

test("looking up names beforehand can be allowed, and is never left to Django", () => {
  const { files } = renderNginxConfig({ ...nginxArgs, headers: { ...nginxArgs.headers, dnsPrefetch: true } });
  expect(files["headers.conf"]).toContain('add_header X-DNS-Prefetch-Control "on" always;');
  expect(files["proxy.conf"]).toContain("proxy_hide_header X-DNS-Prefetch-Control;");
});

test("a header that is off is left out, and Django's is hidden all the same", () => {
  const { files } = renderNginxConfig({ ...nginxArgs, headers: { ...nginxArgs.headers, frameOptions: "off" } });
  expect(files["headers.conf"]).not.toContain("X-Frame-Options");
  expect(files["proxy.conf"]).toContain("proxy_hide_header X-Frame-Options;");
});

describe("a header that Django may set", () => {
  const fromDjango = ["frameOptions", "contentSecurityPolicy", "frameOptions"] as const;
  const { files } = renderNginxConfig({ ...nginxArgs, headers: { ...nginxArgs.headers, fromDjango } });

  test("is Django's where its answer has one and nginx gives no file in its place, and the site's everywhere else", () => {
    expect(files["nginx.conf"]).toContain(
      [
        "",
        '    map "$upstream_http_x_accel_redirect|$upstream_http_x_frame_options" $site_x_frame_options {',
        '        "~^\\|." "";',
        '        default "DENY";',
        "    }",
        "",
        '    map "$upstream_http_x_accel_redirect|$upstream_http_content_security_policy" $site_content_security_policy {',
        '        "~^\\|." "";',
        "        default \"default-src 'self'\";",
        "    }",
        "",
        "    include site-https.conf;",
      ].join("\n"),
    );
    expect(files["headers.conf"]).toContain("add_header X-Frame-Options $site_x_frame_options always;");
    expect(files["headers.conf"]).toContain("add_header Content-Security-Policy $site_content_security_policy always;");
    expect(files["headers.conf"]).toContain('add_header Referrer-Policy "same-origin" always;');
  });

  test("is the only one of Django's that isn't hidden", () => {
    const hidden = (text: string) => [...text.matchAll(/proxy_hide_header (\S+);/g)].map(([, name]) => name);
    const all = hidden(renderNginxConfig(nginxArgs).files["proxy.conf"]);
    expect(all).toHaveLength(12);
    expect(hidden(files["proxy.conf"])).toEqual(all.filter((name) => name !== "X-Frame-Options" && name !== "Content-Security-Policy"));
  });

  test("doesn't count for uploads, error pages and redirects", () => {
    for (const name of ["media-headers.conf", "error-headers.conf", "redirect-headers.conf"]) {
      expect(files[name]).toBe(renderNginxConfig(nginxArgs).files[name]);
    }
  });

  test("is Django's alone where the site's is off", () => {
    const headers = { ...nginxArgs.headers, frameOptions: "off", fromDjango: ["frameOptions"] } as const;
    const { files } = renderNginxConfig({ ...nginxArgs, headers });
    expect(Object.values(files).join("\n")).not.toMatch(/X-Frame-Options|x_frame_options/);
  });
});
