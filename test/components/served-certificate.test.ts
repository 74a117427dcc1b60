import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { DockerError } from "../../components/docker-engine.ts";
import { awaitAcmeCertificates, certificateWarnings, requireServedCertificate } from "../../components/served-certificate.ts";
import { signedCertificate } from "../support/certificates.ts";
import { fakeDocker } from "../support/fake-docker.ts";

const container = "movies-prod-nginx";
const [one, two] = [signedCertificate(["movies.example"]), signedCertificate(["movies.example"])];
const serial = (leaf: string) => new X509Certificate(leaf).serialNumber;
const serve = (served: string | (() => string)) =>
  fakeDocker([
    [/ cat /, one.chain],
    [/ curl --resolve movies.example:8443:127.0.0.1 /, served],
    [/ curl --resolve www.movies.example:8443:127.0.0.1 /, two.chain],
    [/^logs/, { stderr: "[notice] start\n2026/11/21 [warn] acme: order for movies.example failed: unauthorized\n" }],
  ]);

describe("requireServedCertificate", () => {
  test("is content with the certificate of the volume", async () => {
    const { docker } = serve(`Subject:CN = movies.example\n${one.chain}`);
    await requireServedCertificate({ docker, container }, "movies.example");
  });

  test.each([
    ["another one", two.chain, serial(two.leaf)],
    ["none", "", "none"],
  ])("fails for %s, with both serial numbers", async (_, served, got) => {
    await expect(requireServedCertificate({ docker: serve(served).docker, container }, "movies.example")).rejects.toThrow(
      `nginx serves certificate ${got}, and the one on its volume is ${serial(one.leaf)}`,
    );
  });
});

describe("awaitAcmeCertificates", () => {
  const hostnames = ["movies.example", "www.movies.example"];

  test("waits until every name is served another certificate than the stack's own, and has nothing to say then", async () => {
    let asked = 0;
    const { docker } = serve(() => (asked++ < 2 ? one.chain : two.chain));
    expect(await awaitAcmeCertificates({ docker, container, hostnames, patienceMilliseconds: 2_000 })).toEqual([]);
    expect(asked).toBe(3);
  });

  test.each([
    ["the stack's own", one.chain],
    ["none", ""],
  ])("warns of a name that is served %s for too long, with nginx's last words on it", async (_, served) => {
    const { docker } = serve(served);
    expect(await awaitAcmeCertificates({ docker, container, hostnames, patienceMilliseconds: 10 })).toEqual([
      "movies.example waits for its certificate; until then browsers warn of the one that nginx serves, and nginx asks again every 15 minutes. Its last words: 2026/11/21 [warn] acme: order for movies.example failed: unauthorized",
    ]);
  });
});

describe("certificateWarnings", () => {
  const warnings = (docker: ReturnType<typeof fakeDocker>["docker"], acme: boolean) =>
    certificateWarnings({ docker, container, hostnames: ["movies.example"], acme });

  test("has nothing to say where no nginx runs", async () => {
    const { docker } = fakeDocker([[/^exec/, new DockerError("Error: No such container: movies-prod-nginx", 1)]]);
    expect([await warnings(docker, false), await warnings(docker, true)]).toEqual([[], []]);
  });

  test("tells of a served certificate that isn't the one on the volume", async () => {
    expect(await warnings(serve(one.chain).docker, false)).toEqual([]);
    expect(await warnings(serve(two.chain).docker, false)).toEqual([
      `nginx serves certificate ${serial(two.leaf)}, and the one on its volume is ${serial(one.leaf)}; fix: docker restart movies-prod-nginx`,
    ]);
  });

  test("tells of a directory's certificate that wasn't renewed three weeks before its end", async () => {
    expect(await warnings(serve(signedCertificate(["movies.example"], 22).chain).docker, true)).toEqual([]);
    expect(await warnings(serve(signedCertificate(["movies.example"], 20).chain).docker, true)).toEqual([
      "the certificate of movies.example ends in 19 days and nginx hasn't renewed it; see docker logs movies-prod-nginx",
    ]);
  });
});
