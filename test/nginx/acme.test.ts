import { expect, test } from "vitest";
import { renderAcme } from "../../nginx/acme.ts";
import { renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";

const acme = { directory: "https://acme-v02.api.letsencrypt.org/directory", contact: "ops@movies.example", authority: undefined };
const render = (change: Partial<NginxConfigArgs> = {}) => renderNginxConfig({ ...nginxArgs, acme, ...change }).files;

test("the issuer and what answers until it has issued, word for word", () => {
  expect(renderAcme(acme)).toMatchInlineSnapshot(`
    "    # nginx asks the directory for a certificate a name, keeps it and renews it; no location is needed for its challenges.
        acme_issuer site {
            uri "https://acme-v02.api.letsencrypt.org/directory";
            contact "ops@movies.example";
            state_path /var/lib/acme/acme-v02.api.letsencrypt.org-directory;
            accept_terms_of_service;
        }
        acme_shared_zone zone=acme:1M;

        # The stack's own certificate answers until the first one is there: without it every handshake would fail.
        map $acme_certificate $site_certificate {
            "" tls/certificate.pem;
            default $acme_certificate;
        }
        map $acme_certificate_key $site_certificate_key {
            "" tls/key.pem;
            default $acme_certificate_key;
        }

    "
  `);
});

test("a directory of one's own, with the authority that its TLS is signed by and a state of its own", () => {
  const directory = "https://ca.internal:14000/acme/one/dir/";
  const files = render({ acme: { directory, contact: undefined, authority: "PEM\n" } });
  expect(files["tls/acme-authority.pem"]).toBe("PEM\n");
  expect(files["nginx.conf"]).toContain("        ssl_trusted_certificate tls/acme-authority.pem;\n");
  expect(files["nginx.conf"]).toContain("        state_path /var/lib/acme/ca.internal-14000-acme-one-dir;\n");
  expect(files["nginx.conf"]).not.toContain("contact ");
});

test("each name has a server, an order and so a certificate of its own; the redirect and the challenges stay on port 80", () => {
  const site = render({ redirectNames: ["old.example"] })["site-https.conf"];
  expect(site.slice(site.indexOf("ssl_reject_handshake"))).toMatchInlineSnapshot(`
    "ssl_reject_handshake on;
    }

    server {
        listen 8443 ssl;
        http2 on;
        server_name movies.example;
        acme_certificate site;
        ssl_certificate $site_certificate;
        ssl_certificate_key $site_certificate_key;
        ssl_certificate_cache max=2;

        include headers.conf;
        include locations.conf;
    }

    server {
        listen 8443 ssl;
        http2 on;
        server_name www.movies.example;
        acme_certificate site;
        ssl_certificate $site_certificate;
        ssl_certificate_key $site_certificate_key;
        ssl_certificate_cache max=2;

        include headers.conf;
        include locations.conf;
    }

    server {
        listen 8080;
        server_name old.example;

        include redirect-headers.conf;
        return 301 https://movies.example$request_uri;
    }

    server {
        listen 8443 ssl;
        http2 on;
        server_name old.example;
        acme_certificate site;
        ssl_certificate $site_certificate;
        ssl_certificate_key $site_certificate_key;
        ssl_certificate_cache max=2;

        include headers.conf;
        return 301 https://movies.example$request_uri;
    }
    "
  `);
  expect(site).not.toContain("ssl_certificate tls/");
});

test("the module is loaded where it is needed, and nowhere else", () => {
  const loaded = "load_module /usr/lib/nginx/modules/ngx_http_acme_module.so;";
  expect(render()["nginx.conf"].split("\n")[1]).toBe(loaded);
  expect(render()["acme-names"]).toBe("movies.example\nwww.movies.example\n");
  const { files } = renderNginxConfig(nginxArgs);
  expect(files["nginx.conf"]).not.toContain("acme");
  expect(Object.keys(files)).not.toContain("acme-names");
});
