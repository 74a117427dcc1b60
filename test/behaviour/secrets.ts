import { describe, expect, test } from "vitest";
import { engineApi } from "../support/engine-api.ts";
import { docker, logsOf, type Site } from "../support/site.ts";

/** Where secrets are, and where not. */
export function secretsBehaviour(site: Site): void {
  const { name } = site;
  const containersOf = (component: string) => site.containersOf(component);

  describe("secrets", () => {
    test("are in no inspect, history, log or process environment but the app's own, and the search finds a planted one", async () => {
      const [replica] = containersOf("django");
      const files = docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}}', replica).trim();
      const read = (name: string) => docker("exec", replica, "cat", `/run/stack/${files}/${name}`);
      const secrets = ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_PASSWORD", "DJANGO_SUPERUSER_PASSWORD"].map(read);
      expect(secrets.every((secret) => secret.length >= 24)).toBe(true);
      const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString("base64").replace(/=+$/, ""), encodeURIComponent(secret)]);
      const places: string[] = [];
      const all = docker("ps", "--all", "--quiet", "--filter", `label=django-stack.name=${name}`).trim().split("\n");
      for (const id of all) {
        places.push(docker("inspect", id), logsOf(id));
        const { State, Config } = await engineApi("GET", `/containers/${id}/json`);
        if (!State.Running || Config.Labels["django-stack.component"] === "django") continue;
        places.push(processesOf(id));
      }
      places.push(docker("history", "--no-trunc", site.outputs.image), docker("image", "inspect", site.outputs.image));
      const found = (texts: string[]) => forms.filter((form) => texts.some((text) => text.includes(form)));
      expect(found(places)).toEqual([]);
      expect(found([processesOf(replica)])).toContain(secrets[0]);
      expect(found([...places, `planted=${secrets[0]}`])).toContain(secrets[0]);
      expect(found([...places, Buffer.from(secrets[2]).toString("base64")])).not.toEqual([]);
    });

    test("can be read by the app's user alone", () => {
      const [replica] = containersOf("django");
      const files = docker("inspect", "--format", '{{index .Config.Labels "django-stack.files"}}', replica).trim();
      expect(docker("exec", replica, "stat", "-c", "%U %u %a", `/run/stack/${files}/SECRET_KEY`).trim()).toBe("UNKNOWN 10001 400");
      expect(docker("exec", containersOf("nginx")[0], "stat", "-c", "%u %a", "/etc/nginx/stack/current/tls/key.pem").trim()).toBe("101 400");
    });
  });
}

/** Returns the environments and command lines of a container's processes, as the machine's own root sees them. */
function processesOf(id: string): string {
  const pids = docker("top", id, "-eo", "pid").trim().split("\n").slice(1);
  const rights = ["--user", "0:0", "--pid", "host", "--network", "none", "--cap-add", "SYS_PTRACE", "--security-opt", "apparmor=unconfined"];
  // A health check's process may be over by then; the first one, the container's own, may not.
  const script =
    'cat "/proc/$1/environ" "/proc/$1/cmdline"; for pid in "$@"; do cat "/proc/$pid/environ" "/proc/$pid/cmdline" || true; done 2> /dev/null';
  return docker("run", "--rm", ...rights, "--entrypoint", "/bin/sh", "nginx:1.30", "-c", script, "sh", ...pids.map((pid) => pid.trim()));
}
