import { describe, expect, test } from "vitest";
import { signedCertificate } from "./support/certificates.ts";
import { errorOf } from "./support/load-config.ts";

describe("certificates, proxies and headers: refuses", () => {
  const { chain, privateKey } = signedCertificate(["movies.example"]);
  const provided = { mode: "provided", certificate: chain, privateKey };

  test.each([
    ["a certificate without its key", { domain: "movies.example", tls: { ...provided, privateKey: "none" } }, 'tls.privateKey: got "none"; allowed: a path or a PEM text with tls.mode provided'],
    ["a certificate for another mode", { tls: { certificate: chain } }, 'tls.certificate: got "a value"; allowed: none with tls.mode self-signed; fix: set tls.mode to provided, or remove it'],
    ["a certificate's file that isn't there", { domain: "movies.example", tls: { ...provided, certificate: "fullchain.pem" } }, `tls.certificate: got "fullchain.pem"; allowed: a file that can be read; it isn't there; fix: correct the path: it begins at the checkout`],
    ["a key's text without its first line", { domain: "movies.example", tls: { ...provided, privateKey: "MIGH".repeat(40) } }, `tls.privateKey: got "[secret]"; allowed: a file that can be read; it isn't there; fix: correct the path: it begins at the checkout`],
    ["a key's lines without the first", { domain: "movies.example", tls: { ...provided, privateKey: "MIGH\nMIGH" } }, 'tls.privateKey: got "[secret]"; allowed: a path from the checkout, a PEM text, or none; fix: begin with -----BEGIN, or give a path of one line'],
    ["a key in place of the table", { tls: privateKey }, 'tls: got "[secret]"; allowed: an object with mode, policy, certificate, privateKey, acme'],
    ["a certificate that lacks a name", { domain: "films.example", tls: provided }, "tls.certificate: got one for movies.example; allowed: one for every name of the site; fix: get one that covers films.example too, or take the name out of the config"],
    ["TLS ended by nobody in particular", { httpsPort: "none", tls: { mode: "outer" } }, "trustedProxies: got []; allowed: at least one address or range with tls.mode outer; fix: give the addresses of the proxy that ends TLS"],
    ["TLS ended by another with a port for it", { httpsPort: 8443, tls: { mode: "outer" }, trustedProxies: ["10.0.0.1"] }, "httpsPort: got 8443; allowed: none with tls.mode outer"],
    ["Let's Encrypt for a name of this machine's own", { httpPort: 80, tls: { mode: "acme" } }, 'domain: got "django-stack.localhost"; allowed: a public name with tls.mode acme; fix: register one, or set tls.mode to self-signed'],
    ["ACME for all names below one", { domain: "movies.org", aliases: ["*.movies.org"], tls: { mode: "acme" } }, 'aliases: got "*.movies.org"; allowed: single names with tls.mode acme; fix: list each one: a directory looks for its proof at every name'],
    ["ACME for runserver", { environment: "dev", httpsPort: 8443, tls: { mode: "acme", acme: { directory: "https://ca.internal/dir" } } }, 'tls.mode: got "acme"; allowed: another mode with app.server runserver; fix: nginx would ask for a certificate for localhost'],
    ["Let's Encrypt for a name of no domain", { domain: "movies.org", redirects: ["movies"], tls: { mode: "acme" } }, 'redirects: got "movies"; allowed: a public name with tls.mode acme; fix: register one, or set tls.mode to self-signed'],
    ["Let's Encrypt on another port", { domain: "movies.org", httpPort: 8080, tls: { mode: "acme" } }, "httpPort: got 8080; allowed: 80 with tls.mode acme; fix: Let's Encrypt asks for its proof on port 80"],
    ["Let's Encrypt behind a door that is shut", { domain: "movies.org", bindAddress: "127.0.0.1", tls: { mode: "acme" } }, 'bindAddress: got ["127.0.0.1"]; allowed: an address that Let\'s Encrypt reaches with tls.mode acme; fix: remove it'],
    ["two directories at once", { tls: { mode: "acme", acme: { directory: "https://ca.internal/dir", production: true } } }, "tls.acme.production: got true; allowed: false with tls.acme.directory; fix: it chooses between Let's Encrypt's two"],
    ["a directory without TLS", { tls: { mode: "acme", acme: { directory: "http://ca.internal/dir" } } }, 'tls.acme.directory: got "http://ca.internal/dir"; allowed: a URL that begins with https://, or none'],
    ["an authority that is none", { tls: { mode: "acme", acme: { directory: "https://ca.internal/dir", authority: "-----BEGIN CERTIFICATE-----\nMIGH\n-----END CERTIFICATE-----" } } }, 'tls.acme.authority: got "no certificate"; allowed: a certificate, PEM'],
    ["an authority's file that isn't there", { tls: { mode: "acme", acme: { directory: "https://ca.internal/dir", authority: "ca.pem" } } }, 'tls.acme.authority: got "ca.pem"; allowed: a file that can be read; it isn\'t there; fix: correct the path: it begins at the checkout'],
    ["a contact that is none", { tls: { mode: "acme", acme: { directory: "https://ca.internal/dir", contact: "ops;" } } }, 'tls.acme.contact: got "ops;"; allowed: an e-mail address, or none'],
    ["a proxy on the host with a site that others reach too", { httpsPort: "none", tls: { mode: "outer" }, trustedProxies: ["host"] }, 'trustedProxies: got ["host"]; allowed: host only with bindAddress 127.0.0.1, for otherwise visitors may come from Docker\'s own address too; fix: set bindAddress to 127.0.0.1, or give the proxy\'s own address'],
    ["a range that is none", { trustedProxies: ["10.0.0.0/33"] }, 'trustedProxies: got ["10.0.0.0/33"]; allowed: a list of addresses, of ranges such as 10.0.0.0/8, or host for a proxy on the Docker host itself'],
    ["a header of two lines", { headers: { frameOptions: "DENY\nX-Evil: 1" } }, 'headers.frameOptions: got "DENY\\nX-Evil: 1"; allowed: a line of printable ASCII characters without $, or off'],
    ["a header with a variable", { headers: { referrerPolicy: "$host" } }, 'headers.referrerPolicy: got "$host"; allowed: a line of printable ASCII characters without $, or off'],
  ])("%s", async (_, config, expected) => {
    const message = await errorOf("prod", config, ["django-stack:tls"]);
    expect(message).toBe(`config of stack prod (Pulumi.prod.yaml) has 1 problem; nothing was touched:\n  ${expected}`);
    expect(message).not.toContain(privateKey.split("\n")[1]);
  }); // prettier-ignore
});
