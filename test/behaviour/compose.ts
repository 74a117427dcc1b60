import { execFileSync } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ComposeStack } from "../support/compose-stack.ts";
import { engineApi } from "../support/engine-api.ts";
import { loadDuring } from "../support/site-load.ts";
import { docker, emptyImage, png, type Site } from "../support/site.ts";

/** What the stack does under Docker Compose alone. */
export function composeBehaviour(site: Site): void {
  const compose = site.stack as ComposeStack;
  const { project } = site;
  const snippet = join(project, "..", "snippet.conf");
  const page = async () => (await site.anonymous().request("/")).text;
  const editPage = (title: string) => {
    const path = join(project, "movies/templates/movies/index.html");
    writeFileSync(path, readFileSync(path, "utf8").replace(/<h1>[^<]*/, `<h1>${title}`));
  };
  /** Every file of the Compose project by its path: mode and content. */
  const written = () =>
    Object.fromEntries(
      readdirSync(compose.folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [path.slice(compose.folder.length + 1), `${(statSync(path).mode & 0o777).toString(8)} ${readFileSync(path, "utf8")}`]),
    );

  describe("under Compose", () => {
    test("a second up changes nothing", async () => {
      expect((await compose.up()).operations).toEqual([]);
    });

    test("a second export changes nothing, and what may be secret is its owner's alone and not git's", async () => {
      const before = written();
      const { code, output } = await compose.compose("export");
      expect([code, output]).toEqual([0, expect.stringContaining("docker-compose/prod/compose.yaml written")]);
      expect(written()).toEqual(before);
      const others = Object.entries(before).filter(([, file]) => !file.startsWith("600 "));
      expect(others.map(([path]) => path).sort()).toEqual([".gitignore", "compose.yaml"]);
      expect(readFileSync(join(compose.folder, ".gitignore"), "utf8").trim().split("\n")).toEqual([
        "values.json",
        "secrets.yaml",
        "outputs.json",
        "files",
      ]);
      const secrets = Object.values(JSON.parse(readFileSync(join(compose.folder, "values.json"), "utf8"))).flatMap(({ outputs }: any) =>
        Object.entries(outputs).flatMap(([name, value]) => (/result|privateKey/.test(name) ? [String(value)] : [])),
      );
      expect(secrets.length).toBeGreaterThan(6);
      expect(secrets.filter((secret) => before["compose.yaml"].includes(secret))).toEqual([]);
    });

    test("the file names no path of this machine", () => {
      const text = readFileSync(join(compose.folder, "compose.yaml"), "utf8");
      const sources = [...text.matchAll(/(?:source|context): ([^ ,}\n]+)/g)].map(([, path]) => path);
      expect(sources.length).toBeGreaterThan(20);
      expect(sources.filter((path) => path.startsWith("/"))).toEqual([]);
    });

    test("a service has as many processes as its own limit allows", async () => {
      const [nginx] = site.containersOf("nginx");
      expect((await engineApi("GET", `/containers/${nginx}/json`)).HostConfig.PidsLimit).toBe(65);
    });

    test("takes a film with its poster", async () => {
      await site.admin.login("admin", site.outputs.superuserPassword);
      const created = await site.admin.postForm("/api/movies/", { title: "Alien 3", year: "1992" }, { poster: { name: "alien3.png", type: "image/png", content: png } }); // prettier-ignore
      expect(created.status).toBe(201);
    });

    test("new code goes live", async () => {
      const before = site.outputs.release;
      editPage("Films");
      appendFileSync(join(project, "config/settings.py"), "\nCSRF_COOKIE_SECURE = False\n");
      const { requests } = await loadDuring(site, 30, () => site.up());
      expect(compose.warnings).toEqual([
        expect.stringMatching(/^backup\.target: the backups are on the same Docker host/),
        expect.stringMatching(/^You have .* you have not set CSRF_COOKIE_SECURE to True\. .* \(security\.W016\)$/),
      ]);
      // What Compose doesn't promise is reported and not asserted.
      console.log(`new code under Compose: ${requests.filter(({ failure }) => failure !== undefined).length} of ${requests.length} requests failed`);
      expect(site.outputs.release).not.toBe(before);
      expect(await page()).toContain("<h1>Films</h1>");
      expect((await site.anonymous().request("/")).headers["x-release"]).toBe(site.outputs.release);
      expect(docker("image", "inspect", "--format", "{{.Id}}", site.outputs.image)).toMatch(/^sha256:/);
    });

    test("a setting of nginx goes live; the app's and the database's containers stay", async () => {
      const before = ["django", "postgres", "backup"].flatMap((component) => site.containersOf(component));
      compose.config = { ...compose.config, nginx: { keepaliveSeconds: 30 } };
      await site.up();
      const [nginx] = site.containersOf("nginx");
      expect(docker("exec", nginx, "nginx", "-T", "-q", "-c", "/etc/nginx/stack/current/nginx.conf")).toContain("keepalive_timeout 30s;");
      expect(["django", "postgres", "backup"].flatMap((component) => site.containersOf(component))).toEqual(before);
    });

    test("passwords and keys are rotated, and sessions survive", async () => {
      compose.config = { ...compose.config, secrets: { databasePasswordVersion: 2, secretKeyVersion: 2 } };
      await site.up();
      expect((await site.anonymous().request("/readyz")).text).toBe("ok\n");
      expect((await site.admin.request("/admin/")).status).toBe(200);
    });

    test("up removes images before the last three releases, untagged ones and files that no container uses, and notes which release is live", async () => {
      const tags = [1, 2, 3, 4].map((digit) => `${site.prefix}-django:${String(digit).repeat(12)}`);
      for (const tag of tags) emptyImage({ name: site.name, stack: "prod", tag });
      const untagged = emptyImage({ name: site.name, stack: "prod" });
      await site.up();
      const images = docker("image", "ls", "--all", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}");
      const { release } = site.outputs;
      expect(images).toContain(`${site.prefix}-django:${release} `);
      // Which of those made within one second counts as the oldest is Docker's.
      const kept = tags.filter((tag) => images.includes(tag));
      expect(kept).toHaveLength(3);
      expect(images).not.toContain(untagged);
      docker("image", "rm", ...kept);
      const [replica] = site.containersOf("django");
      const folders = docker("exec", replica, "ls", "/run/stack").trim().split("\n");
      expect(folders.filter((folder) => folder !== "current")).toHaveLength(1);
      const image = docker("inspect", "--format", "{{.Image}}", replica).trim();
      const volume = `${site.prefix}-static-data:/files:ro`;
      const live = docker(
        "run",
        "--rm",
        "--user",
        "0:0",
        "--network",
        "none",
        "--volume",
        volume,
        "--entrypoint",
        "cat",
        image,
        "/files/.releases/live",
      );
      expect(live.trim().split("\n").at(-1)).toMatch(/^[0-9a-f]{12}$/);
    });

    test("what Postgres refuses fails up with its own words, and the server that runs stays", async () => {
      const good = compose.config;
      const before = site.containersOf("postgres");
      compose.config = { ...good, postgres: { settings: { work_mem: "lots" } } };
      await expect(compose.up()).rejects.toThrow(
        /invalid value for parameter "work_mem": "lots"[^]*postgres-trial failed, and what ran before goes on/,
      );
      expect(site.containersOf("postgres")).toEqual(before);
      expect((await site.anonymous().request("/readyz")).text).toBe("ok\n");
      compose.config = good;
    });

    test("what nginx refuses, and a release that doesn't load, fail up with their own words, and the next good one mends it", async () => {
      writeFileSync(snippet, "nonsense on;\n");
      const good = compose.config;
      compose.config = { ...good, nginx: { serverSnippet: snippet } };
      await expect(compose.up()).rejects.toThrow(/nginx-files-job-1's last lines:[^]*unknown directive "nonsense"[^]*nginx-files-job-1 failed/);
      compose.config = good;
      const settings = join(project, "config/settings.py");
      const text = readFileSync(settings, "utf8");
      writeFileSync(settings, `${text}\nif "FILES" not in globals(): import no_such_module\n`);
      await expect(compose.up()).rejects.toThrow(/No module named 'no_such_module'/);
      writeFileSync(settings, text);
      await site.up();
      expect(await page()).toContain("<h1>Films</h1>");
    });

    test("the commands among the outputs work", () => {
      const { manage, dumpdata } = site.outputs.commands;
      expect(execFileSync("sh", ["-c", `${manage.replace("exec -it", "exec")} check`], { encoding: "utf8" })).toContain("no issues");
      expect(execFileSync("sh", ["-c", dumpdata.replace(/ > .*/, "")], { encoding: "utf8" })).toContain("movies.movie");
    });

    test("a backup is made, proven and put in place", async () => {
      const { code, output } = await compose.script("backup", "prod", "now");
      expect([code, output]).toEqual([0, expect.stringMatching(/proved [0-9a-f]{8}/)]);
      await site.admin.postForm("/api/movies/", { title: "After the backup", year: "2026" });
      const restored = await compose.script("restore", "prod", "latest", "--yes");
      expect([restored.code, restored.output]).toEqual([0, expect.stringContaining("restore: done")]);
      const films = JSON.parse((await site.anonymous().request("/api/movies/")).text).results.map(({ title }: { title: string }) => title);
      expect(films).toContain("Alien 3");
      expect(films).not.toContain("After the backup");
    });

    test("down with --volumes, which eats the data of other Compose projects, leaves it, and the next up serves it", async () => {
      const rows = (await site.anonymous().request("/api/movies/?search=Alien")).text;
      const volumes = () => docker("volume", "ls", "--format", "{{.Name}}", "--filter", `name=${site.prefix}`).trim().split("\n").sort();
      await compose.destroy();
      const roles = ["acme-state", "backups", "cache", "media-data", "owner", "postgres-18-data", "static-data", "temporary"];
      expect(volumes()).toEqual(roles.map((role) => `${site.prefix}-${role}`));
      await site.up();
      expect((await site.anonymous().request("/api/movies/?search=Alien")).text).toBe(rows);
      expect((await site.anonymous().request(JSON.parse(rows).results[0].poster)).body).toEqual(png);
    });
  });
}
