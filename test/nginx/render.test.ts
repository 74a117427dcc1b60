import { describe, expect, test } from "vitest";
import { contentId, renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";

/** Names of the files but the error pages. */
const namesOf = (files: Readonly<Record<string, string>>) =>
  Object.keys(files)
    .filter((name) => !name.startsWith("errors/"))
    .sort();

test("the site behind TLS, word for word", () => {
  const { files } = renderNginxConfig(nginxArgs);
  expect(namesOf(files)).toEqual([
    "error-headers.conf",
    "errors.conf",
    "headers.conf",
    "locations.conf",
    "media-headers.conf",
    "nginx.conf",
    "proxy.conf",
    "redirect-headers.conf",
    "site-https.conf",
    "start.sh",
  ]);
  expect(files["site-https.conf"]).toMatchInlineSnapshot(`
    "# The site behind TLS, and the redirect to it.
    server {
        listen 8080 default_server;
        server_name "";
        return 444;
    }

    server {
        listen 8080;
        server_name movies.example www.movies.example;

        include redirect-headers.conf;
        return 301 https://$host$request_uri;
    }

    # Mozilla's server side TLS guideline 6.0, intermediate.
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    # The question mark: an OpenSSL before 3.5 knows no X25519MLKEM768, and goes on without it.
    ssl_ecdh_curve ?X25519MLKEM768:X25519:prime256v1:secp384r1;
    ssl_prefer_server_ciphers off;
    ssl_session_timeout 1d;
    ssl_session_cache shared:tls:10m;
    # One ticket a handshake, not OpenSSL's two: each is a session to store, and HTTP/2 needs one connection.
    ssl_conf_command NumTickets 1;
    ssl_certificate tls/certificate.pem;
    ssl_certificate_key tls/key.pem;

    server {
        listen 8443 ssl default_server;
        server_name "";
        ssl_reject_handshake on;
    }

    server {
        listen 8443 ssl;
        http2 on;
        server_name movies.example www.movies.example;

        include headers.conf;
        include locations.conf;
    }
    "
  `);
  expect(files["headers.conf"]).toMatchInlineSnapshot(`
    "add_header X-Release "a1b2c3d4e5f6" always;
    add_header X-Content-Type-Options "nosniff" always;
    add_header X-Frame-Options "DENY" always;
    add_header Referrer-Policy "same-origin" always;
    add_header X-XSS-Protection "0" always;
    add_header Cross-Origin-Opener-Policy "same-origin" always;
    add_header Cross-Origin-Resource-Policy "same-origin" always;
    add_header X-Permitted-Cross-Domain-Policies "none" always;
    add_header X-DNS-Prefetch-Control "off" always;
    add_header Permissions-Policy "camera=()" always;
    add_header Content-Security-Policy "default-src 'self'" always;
    add_header Strict-Transport-Security "max-age=63072000; includeSubDomains" always;
    "
  `);
  expect(files["locations.conf"]).toMatchInlineSnapshot(`
    "include errors.conf;

    location /static/ {
        root /vol/web;
        # The release job has packed them already, by Brotli under the same name in a folder of its own, and by gzip beside them.
        try_files $brotli_folder$uri $uri =404;
        gzip_static on;
        gzip off;
        # What is asked for again and again stays open; a replaced file is found after 10 s at the latest.
        open_file_cache max=1000 inactive=60s;
        open_file_cache_valid 10s;
        include headers.conf;
        add_header Cache-Control $static_lifetime;
        add_header Content-Encoding $static_encoding;
        add_header Vary $static_vary;

        location /static/.brotli/ {
            internal;
        }
    }

    location /media/ {
        root /vol/web;
        include media-headers.conf;

        # What a restore keeps beside the uploads, and whatever else hides its name.
        location ~ /\\. {
            internal;
        }

        # What a browser would run or read as a page of the site's is shown as plain text.
        location ~* \\.(?:html?|xhtml|shtml|xml|xsl|m?js|css)$ {
            types { }
            default_type text/plain;
        }
    }

    location / {
        include proxy.conf;
    }
    "
  `);
});

test("the site without TLS, word for word", () => {
  const { files } = renderNginxConfig({
    ...nginxArgs,
    tls: "off",
    httpsPort: undefined,
    httpPort: 8080,
    serverNames: ["localhost"],
    staticFromVolume: false,
  });
  expect(namesOf(files)).toEqual([
    "error-headers.conf",
    "errors.conf",
    "headers.conf",
    "locations.conf",
    "media-headers.conf",
    "nginx.conf",
    "proxy.conf",
    "site-http.conf",
    "start.sh",
  ]);
  expect(files["site-http.conf"]).toMatchInlineSnapshot(`
    "# The site without TLS.
    server {
        listen 8080 default_server;
        server_name "";
        return 444;
    }

    server {
        listen 8080;
        server_name localhost;

        include headers.conf;
        include locations.conf;
    }
    "
  `);
  expect(files["proxy.conf"]).toContain("proxy_set_header Host $host:8080;");
  expect(files["locations.conf"]).not.toContain("/static/");
});

describe("nginx.conf", () => {
  test("names every replica, resolved anew while it runs", () => {
    const replicas = [
      "server movies-prod-django-0-1a2b3c4:9000 resolve max_fails=2 fail_timeout=5s;",
      "server movies-prod-django-1-5d6e7f8:9000 resolve max_fails=2 fail_timeout=5s;",
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
    { trustedProxies: ["10.0.0.0/8"] }, { headers: { ...nginxArgs.headers, frameOptions: "SAMEORIGIN" } }, { requestGraceSeconds: 31 }, { certificate: "new" },
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

test("behind a proxy that ends TLS, word for word", () => {
  const { files } = renderNginxConfig({
    ...nginxArgs,
    tls: "outer",
    httpsPort: undefined,
    httpPort: 8080,
    trustedProxies: ["10.0.0.0/8", "2001:db8::1"],
    redirectNames: ["old.example"],
  });
  expect(files["site-outer.conf"]).toMatchInlineSnapshot(`
    "# The site behind another proxy, which ends TLS: its word on the client's address and scheme counts, nobody else's.
    geo $realip_remote_addr $from_trusted_proxy {
        default 0;
        10.0.0.0/8 1;
        2001:db8::1 1;
    }

    map $from_trusted_proxy$http_x_forwarded_proto $client_scheme {
        default http;
        1https https;
    }

    server {
        listen 8080 default_server;
        server_name "";
        return 444;
    }

    server {
        listen 8080;
        server_name movies.example www.movies.example;

        include headers.conf;
        if ($client_scheme = http) {
            return 301 https://$host$request_uri;
        }
        include locations.conf;
    }

    server {
        listen 8080;
        server_name old.example;

        include headers.conf;
        return 301 https://movies.example$request_uri;
    }
    "
  `);
  expect(files["nginx.conf"]).toContain(
    "    set_real_ip_from 10.0.0.0/8;\n    set_real_ip_from 2001:db8::1;\n    real_ip_header X-Forwarded-For;\n    real_ip_recursive on;\n",
  );
  expect(files["proxy.conf"]).toContain("proxy_set_header X-Forwarded-Proto $client_scheme;");
  expect(files["proxy.conf"]).toContain("proxy_set_header Host $host;");
  expect(files["headers.conf"]).toContain("add_header Strict-Transport-Security");
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
