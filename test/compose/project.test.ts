import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { addressesOf } from "../../compose/addresses.ts";
import { renderProject } from "../../compose/project.ts";
import { composeProject, declarations, projectFolder } from "../support/compose-project.ts";
import { dev, prod } from "../support/unit.ts";

const root = join(import.meta.dirname, "../..");
const checkout = () => readFileSync(join(root, ".state/checkout"), "utf8").trim();
/** The lines of a service. */
const service = (text: string, name: string) => new RegExp(`(?<=\\n\\n?)  #[^\\n]*\\n  ${name}:\\n(?:    .*\\n)+`).exec(text)?.[0];

describe("of production", () => {
  test("each service waits for what the program has it wait for", async () => {
    const { parsed } = await composeProject("prod", prod);
    const needs = Object.entries<any>(parsed.services).map(([name, { depends_on: on }]) => [
      name,
      Object.entries<any>(on ?? {}).map(([other, { condition }]) => `${other} ${condition.replace("service_", "")}`),
    ]);
    expect(Object.fromEntries(needs)).toEqual({
      "backup-files-job": [],
      "django-files-job": [],
      "django-release-permissions": [],
      "backup-permissions": [],
      "postgres-trial": [],
      "postgres-files-job": [],
      postgres: ["postgres-files-job completed_successfully", "postgres-trial completed_successfully"],
      "postgres-roles": ["postgres healthy"],
      backup: ["backup-files-job completed_successfully", "backup-permissions completed_successfully", "django-release completed_successfully"],
      "django-release": [
        "django-files-job completed_successfully",
        "django-release-permissions completed_successfully",
        "postgres-roles completed_successfully",
      ],
      "django-0": ["django-release completed_successfully"],
      "django-1": ["django-release completed_successfully"],
      "nginx-files-job": ["django-0 healthy", "django-1 healthy"],
      nginx: ["nginx-files-job completed_successfully"],
    });
    const names = needs.map(([name]) => name);
    for (const [name, others] of needs) for (const other of others) expect(names.indexOf(other.split(" ")[0])).toBeLessThan(names.indexOf(name));
  });

  test("an upgrade waits for what it is made with, and the server for the upgrade", async () => {
    const { parsed } = await composeProject("prod", { ...prod, postgres: { version: 18, upgradeFrom: 17 } });
    expect(parsed.services["postgres-upgrade"].depends_on).toEqual({
      "postgres-trial": { condition: "service_completed_successfully" },
      "postgres-files-job": { condition: "service_completed_successfully" },
    });
    expect(parsed.services.postgres.depends_on).toEqual({ "postgres-upgrade": { condition: "service_completed_successfully" } });
  });

  test("nginx, word for word", async () => {
    const { text, declared } = await composeProject("prod", { ...prod, name: "movies", bindAddress: "127.0.0.1" });
    const files = declared.containers
      .find(({ key }) => key === "nginx-files-job")
      ?.inputs.labels.find(({ label }: any) => label === "django-stack.files");
    expect(files.value).toMatch(/^[0-9a-f]{12}$/);
    const settings = declared.containers
      .find(({ key }) => key === "nginx")
      ?.inputs.labels.find(({ label }: any) => label === "django-stack.settings");
    expect(service(text, "nginx")).toBe(`  # movies-prod-nginx: components/nginx.ts
  nginx:
    image: nginx:1.30
    depends_on:
      nginx-files-job: { condition: service_completed_successfully }
    user: 101:101
    entrypoint: [ /bin/sh, /etc/nginx/stack/current/start.sh ]
    networks:
      edge: {}
      app: {}
    ports:
      - { target: 8080, published: "80", host_ip: 127.0.0.1, protocol: tcp }
      - { target: 8443, published: "443", host_ip: 127.0.0.1, protocol: tcp }
    volumes:
      - { type: volume, source: nginx-files, target: /etc/nginx/stack, read_only: true }
      - { type: volume, source: static-data, target: /vol/web/static, read_only: true }
      - { type: volume, source: media-data, target: /vol/web/media, read_only: true }
      - { type: volume, source: acme-state, target: /var/lib/acme }
      - { type: volume, source: cache, target: /var/cache/stack }
    tmpfs: [ "/tmp:rw,noexec,nosuid,nodev,uid=101,gid=101,size=16m" ]
    healthcheck:
      test: [ CMD, curl, --fail, --silent, --output, /dev/null, --max-time, "3", http://127.0.0.1:8081/healthz ]
      interval: 10s
      timeout: 5s
      start_period: 1m0s
      retries: 5
    restart: unless-stopped
    init: true
    stop_signal: SIGQUIT
    stop_grace_period: 1s
    read_only: true
    cap_drop: [ ALL ]
    security_opt: [ no-new-privileges:true ]
    cpu_period: 100000
    cpu_quota: 100000
    mem_limit: 256m
    memswap_limit: 256m
    ulimits:
      nofile: { soft: 16384, hard: 16384 }
      nproc: { soft: 260, hard: 260 }
    logging:
      driver: json-file
      options: { max-file: "3", max-size: 10m }
    pids_limit: 65
    labels:
      django-stack.name: movies
      django-stack.stack: prod
      django-stack.checkout: ${checkout()}
      django-stack.component: nginx
      django-stack.settings: ${stringify(settings.value).trim()}
      django-stack.processes: "65"
      django-stack.ports: 127.0.0.1:80->8080, 127.0.0.1:443->8443
      django-stack.files: ${stringify(files.value).trim()}
`);
  });

  test("its first lines say what it is and how its volumes are made", async () => {
    const { text } = await composeProject("prod", { ...prod, name: "movies" });
    const labels = ["name=movies", "stack=prod", `checkout=${checkout()}`, "component=volumes"].map((label) => `--label django-stack.${label}`);
    expect(text.slice(0, text.indexOf("\nservices:")))
      .toBe(`# Stack movies-prod as a Compose project, written by \`npm run compose\` from what index.ts declares. Changes here are lost with the next one.

# The data is on volumes that Compose neither makes nor removes, \`docker compose down --volumes\` included. \`npm run compose\` makes
# them; by hand, once:
#   docker volume create ${labels.join(" ")} movies-prod-owner
#   docker volume create movies-prod-static-data
#   docker volume create movies-prod-media-data
#   docker volume create movies-prod-postgres-18-data
#   docker volume create movies-prod-backups
#   docker volume create movies-prod-cache
#   docker volume create movies-prod-acme-state
#   docker volume create movies-prod-temporary

name: movies-prod
`);
  });

  test("data volumes are external, under the names that they have with Pulumi; the rest is Compose's own", async () => {
    const { parsed, dataVolumes } = await composeProject("prod", { ...prod, name: "movies" });
    const external = Object.entries<any>(parsed.volumes).filter(([, volume]) => volume.external === true);
    const roles = ["static-data", "media-data", "postgres-18-data", "backups", "cache", "acme-state", "temporary"];
    expect(Object.fromEntries(external)).toEqual(Object.fromEntries(roles.map((role) => [role, { name: `movies-prod-${role}`, external: true }])));
    expect(dataVolumes.map(({ name }) => name)).toEqual(["owner", ...roles].map((role) => `movies-prod-${role}`));
    expect(dataVolumes.filter(({ labels }) => Object.keys(labels).length > 0).map(({ name }) => name)).toEqual(["movies-prod-owner"]);
    const own = Object.entries<any>(parsed.volumes).filter(([, volume]) => volume.external === undefined);
    expect(own.map(([key, volume]) => [key, Object.keys(volume)]).sort()).toEqual(
      ["backup-files", "backup-work", "django-files", "nginx-files", "postgres-files", "postgres-socket"].map((key) => [key, ["labels"]]),
    );
  });

  test("networks have the addresses that nginx and gunicorn were told", async () => {
    const { parsed, files } = await composeProject("prod", { ...prod, name: "movies" });
    const [edge, app] = ["edge", "app"].map((key) => addressesOf("movies-prod", key)[0]);
    expect(parsed.networks.app.ipam.config).toEqual([app]);
    expect(parsed.services["django-0"].command).toContain(`--forwarded-allow-ips=127.0.0.1,${app.subnet}`);
    const configuration = Object.entries(files).flatMap(([path, { content }]) =>
      path.startsWith("files/nginx-files-job/incoming/") ? [content] : [],
    );
    for (const { gateway } of [edge, app]) expect(configuration.some((content) => content.includes(gateway))).toBe(true);
    expect([parsed.networks.db.internal, parsed.networks.app.internal]).toEqual([true, undefined]);
    expect(Object.values<any>(parsed.networks).map(({ enable_ipv6: ipv6 }) => ipv6)).toEqual([undefined, undefined, undefined]);
  });

  test("the network that ports lead to has addresses of IPv6 too, where nginx is to get those of clients", async () => {
    const { parsed, files } = await composeProject("prod", {
      ...prod,
      name: "movies",
      bindAddress: ["0.0.0.0", "2001:db8::1"],
      ipv6ClientAddresses: true,
    });
    const ranges = addressesOf("movies-prod", "edge", { ipv6: true });
    expect(parsed.networks.edge).toMatchObject({ enable_ipv6: true, ipam: { config: ranges } });
    expect([parsed.networks.app, parsed.networks.db].map(({ enable_ipv6: ipv6 }) => ipv6)).toEqual([undefined, undefined]);
    expect(Object.values(files).some(({ content }) => content.includes(`${ranges[1].gateway} 0;`))).toBe(true);
  });

  test("an image is built by one service and named by its content; nobody pulls it", async () => {
    const { parsed } = await composeProject("prod", { ...prod, name: "movies", app: { buildArgs: { PRICE: "5$" } } });
    const { "django-release": release, "django-0": replica, backup } = parsed.services;
    expect(release.image).toMatch(/^movies-prod-django:[0-9a-f]{12}$/);
    expect(release.build).toEqual({
      context: "../../django",
      dockerfile: "Dockerfile",
      args: { PRICE: "5$$", DJANGO_STACK_NAME: "movies", DJANGO_STACK_STACK: "prod", DJANGO_STACK_CHECKOUT: checkout() },
    });
    expect([release.pull_policy, replica.pull_policy, replica.image, replica.build]).toEqual(["build", "never", release.image, undefined]);
    expect([backup.image, backup.build.context, backup.build.args.POSTGRES]).toEqual([
      expect.stringMatching(/^movies-prod-backup-image:[0-9a-f]{12}$/),
      "../../containers/backup",
      "postgres:18",
    ]);
    expect(replica.labels["django-stack.release"]).toBe(release.image.split(":")[1]);
  });

  test("every comment names the component's own file", async () => {
    const { text } = await composeProject("prod", prod);
    const paths = new Set([...text.matchAll(/components\/[\w-]+\.ts/g)].map(([path]) => path));
    expect(paths.size).toBeGreaterThan(8);
    expect([...paths].filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(text).toContain("# django-stack-prod-nginx-files-job: components/files-volume.ts, for components/nginx.ts\n");
  });

  test("no secret is in it, and every secret is in a file", async () => {
    const config = { ...prod, superuser: { username: "admin", email: "admin@example.com" }, basicAuth: { username: "staging" }, secretEnv: { MAIL: "a secret of mine" } }; // prettier-ignore
    const { text, files, declared } = await composeProject("prod", config);
    const { superuserPassword, backupPassphrase } = declared.outputs;
    const all = Object.values(files)
      .map(({ content }) => content)
      .join("\n");
    for (const secret of [superuserPassword, backupPassphrase, "a secret of mine"]) {
      expect(text).not.toContain(secret);
      expect(all).toContain(secret);
    }
    expect(text).not.toMatch(/PRIVATE KEY/);
  });

  test("outputs name what there is with Compose", async () => {
    const { declared } = await composeProject("prod", { ...prod, name: "movies" });
    expect(declared.outputs).toMatchObject({
      url: "https://movies.localhost",
      image: expect.stringMatching(/^movies-prod-django:[0-9a-f]{12}$/),
      networks: { edge: "movies-prod_edge", app: "movies-prod_app", db: "movies-prod_db" },
      volumes: { postgresData: "movies-prod-postgres-18-data" },
      caCertificate: expect.stringContaining("BEGIN CERTIFICATE"),
    });
  });
});

test("in development the checkout's own source is mounted by a relative path, and a dollar sign is a dollar sign", async () => {
  const { parsed, text } = await composeProject("dev", dev);
  expect(parsed.services["django-0"].volumes).toContainEqual({ type: "bind", source: "../../django", target: "/srv/app" });
  expect(parsed.services["django-release"].build.target).toBe("development");
  expect(text).toContain('FILES_CHECK: nginx -t -c "$$PWD/nginx.conf"');
});

test("a folder for the backups is a volume with the folder's options", async () => {
  const { dataVolumes, parsed } = await composeProject("prod", { ...prod, name: "movies", backup: { target: "/srv/backups" } });
  const folder = dataVolumes.find(({ name }) => name.startsWith("movies-prod-backup-folder-"));
  expect(folder?.driverOpts).toEqual({ type: "none", o: "bind", device: "/srv/backups" });
  expect(parsed.volumes[String(folder?.name).replace("movies-prod-", "")]).toEqual({ name: folder?.name, external: true });
});

describe("what no Compose key is known for ends the export", () => {
  const changed = async (kind: "networks" | "volumes" | "containers", input: object) => {
    const declared = await declarations("prod", prod);
    const [first, ...others] = declared[kind] as any[];
    return () => renderProject({ ...declared, [kind]: [{ ...first, inputs: { ...first.inputs, ...input } }, ...others] }, projectFolder);
  };

  test.each([
    ["networks", { attachable: true }, /^django-stack-prod-edge: there is no Compose key for network\.attachable$/],
    ["volumes", { driver: "nfs" }, /^django-stack-prod-owner: there is no Compose key for volume\.driver$/],
    ["containers", { privileged: true }, /: there is no Compose key for container\.privileged$/],
    ["containers", { image: "sha256:nobody" }, /its image sha256:nobody is neither pulled nor built$/],
    [
      "containers",
      { mounts: [{ type: "volume", source: "elsewhere", target: "/x" }] },
      /^elsewhere: a container of django-stack-prod uses it, and nothing declares it$/,
    ],
  ] as const)("%s %j", async (kind, input, message) => {
    expect(await changed(kind, input)).toThrow(message);
  });
});
