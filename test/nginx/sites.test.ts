import { expect, test } from "vitest";
import { renderNginxConfig } from "../../nginx/render.ts";
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
