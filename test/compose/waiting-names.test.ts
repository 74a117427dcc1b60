import { expect, test } from "vitest";
import { DockerError } from "../../components/docker-engine.ts";
import { waitingNames } from "../../compose/waiting-names.ts";
import { signedCertificate } from "../support/certificates.ts";
import { fakeDocker } from "../support/fake-docker.ts";

const container = "0123456789ab";
const [own, issued] = [signedCertificate(["movies.example"]), signedCertificate(["movies.example"])];

test("has nothing to say, and asks no more, where nginx asks no ACME directory", async () => {
  const missing = new DockerError("cat: /etc/nginx/stack/current/acme-names: No such file or directory", 1);
  const { docker, calls } = fakeDocker([[/acme-names$/, missing]]);
  expect(await waitingNames({ docker, container })).toEqual([]);
  expect(calls).toEqual([`exec ${container} cat /etc/nginx/stack/current/acme-names`]);
});

test("tells which name is served the stack's own certificate", async () => {
  const { docker } = fakeDocker([
    [/acme-names$/, "movies.example\nwww.movies.example\n"],
    [/certificate\.pem$/, own.chain],
    [/--resolve movies\.example:/, issued.chain],
    [/--resolve www\.movies\.example:/, own.chain],
    [/^logs/, ""],
  ]);
  const warnings = await waitingNames({ docker, container, patienceMilliseconds: 10 });
  expect(warnings).toEqual([expect.stringMatching(/^www\.movies\.example waits for its certificate; .* See docker logs 0123456789ab$/)]);
});
