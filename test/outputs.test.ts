import { expect, test } from "vitest";
import { bundledFiles, publicText } from "./support/program.ts";
import { program } from "./support/unit.ts";

test("the outputs of prod", async () => {
  const { outputs } = await program("prod", { domain: "movies.example", superuser: { username: "admin", email: "a@b.example" } });
  expect(outputs).toMatchObject({
    url: "https://movies.example",
    adminUrl: "https://movies.example/admin/",
    staticUrl: "https://movies.example/static/",
    mediaUrl: "https://movies.example/media/",
    apiUrl: "https://movies.example/api/movies/",
    caCertificate: "authority\n",
    certificateNotAfter: "2027-11-21",
    release: "a1b2c3d4e5f6",
    networks: { edge: "django-stack-prod-edge", app: "django-stack-prod-app", db: "django-stack-prod-db", dev: undefined },
    volumes: {
      staticData: "django-stack-prod-static-data",
      mediaData: "django-stack-prod-media-data",
      postgresData: "django-stack-prod-postgres-18-data",
      acmeState: "django-stack-prod-acme-state",
      cache: "django-stack-prod-cache",
      temporary: "django-stack-prod-temporary",
    },
    superuserPassword: "secretdjangostackprodsuperuserpassword",
  });
  // Pulumi warns of every output that is undefined.
  expect(Object.keys(outputs)).toEqual([
    "url", "adminUrl", "staticUrl", "mediaUrl", "apiUrl", "caCertificate", "certificateNotAfter", "image", "release", "networks", "volumes",
    "commands", "backupPassphrase", "superuserPassword",
  ]); // prettier-ignore
  expect(Object.keys(outputs.commands)).toEqual(["logs", "shell", "manage", "dumpdata", "loaddata"]);
});

test("with ACME the stack's own certificate stands in, and no output is of it", async () => {
  const { outputs, registrations } = await program("prod", { domain: "movies.org", tls: { mode: "acme", acme: { production: true } } });
  expect([outputs.url, outputs.caCertificate, outputs.certificateNotAfter]).toEqual(["https://movies.org", undefined, undefined]);
  const job = registrations.find(({ name }) => name === "django-stack-prod-nginx-files-job");
  const files = bundledFiles(job?.inputs);
  expect(files["tls/certificate.pem"]).toBe("leaf\nauthority\n");
  expect(files["nginx.conf"]).toContain('uri "https://acme-v02.api.letsencrypt.org/directory";');
  expect(files["acme-names"]).toBe("movies.org\n");
});

test("a password for the whole site is an output, and a secret file of nginx's", async () => {
  const { outputs, registrations } = await program("prod", { basicAuth: { username: "staging" } });
  expect(outputs.basicAuthPassword).toBe("secretdjangostackprodbasicauthpassword1");
  const job = registrations.find(({ name }) => name === "django-stack-prod-nginx-files-job");
  expect(publicText(job?.inputs)).not.toContain("{SSHA}");
  expect(bundledFiles(job?.inputs).passwords).toMatch(/^staging:\{SSHA\}/);
});

test("the outputs of dev", async () => {
  const { outputs } = await program("dev");
  expect(outputs).toMatchObject({
    url: "http://localhost:8080",
    devServerUrl: "http://localhost:8000",
  });
  expect(Object.keys(outputs)).toEqual([
    "url", "adminUrl", "staticUrl", "mediaUrl", "apiUrl", "devServerUrl", "image", "release", "networks", "volumes", "commands", "backupPassphrase",
  ]); // prettier-ignore
});

test("an admin elsewhere, and no API", async () => {
  const { outputs } = await program("prod", { domain: "movies.org", app: { adminPath: "/office/", apiPath: "none" } });
  expect([outputs.adminUrl, "apiUrl" in outputs]).toEqual(["https://movies.org/office/", false]);
});

test("a proxy on the Docker host is known by the addresses that Docker gives it", async () => {
  const outer = { bindAddress: "127.0.0.1", httpsPort: "none", tls: { mode: "outer" }, trustedProxies: ["host", "10.9.8.7"] };
  const { registrations } = await program("prod", { domain: "movies.org", ...outer });
  const job = registrations.find(({ name }) => name === "django-stack-prod-nginx-files-job");
  const files = bundledFiles(job?.inputs);
  const [, ...trusted] = files["nginx.conf"].split("set_real_ip_from ").map((text: string) => text.split(";")[0]);
  expect(trusted).toEqual([expect.stringMatching(/^172\.\d+\.0\.1$/), expect.stringMatching(/^172\.\d+\.0\.1$/), "10.9.8.7"]);
  expect(files["site-outer.conf"]).toContain(`    ${trusted[0]} 1;\n`);
});
