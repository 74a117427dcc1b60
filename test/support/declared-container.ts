import { reveal } from "./program.ts";
import { program } from "./unit.ts";

/** Inputs of a container of prod, without what profiles.test.ts and program.test.ts look at. */
export async function container(name: string, config: Record<string, unknown> = {}) {
  const { registrations } = await program("prod", { name: "movies", ...config });
  const { inputs } = registrations.find(({ type, name: own }) => type.endsWith(":Container") && own === `movies-prod-${name}`) ?? { inputs: {} };
  const { labels: _labels, logDriver: _driver, logOpts: _options, ulimits: _ulimits, healthcheck: _check, ...rest } = reveal(inputs);
  return JSON.parse(JSON.stringify(rest));
}

/** What every service has. */
export const service = {
  capabilities: { drops: ["ALL"] },
  securityOpts: ["no-new-privileges:true"],
  init: true,
  readOnly: true,
  restart: "unless-stopped",
  wait: true,
};

/** What every job has. */
export const job = {
  securityOpts: ["no-new-privileges:true"],
  init: true,
  restart: "no",
  attach: true,
  mustRun: false,
  logs: true,
  destroyGraceSeconds: 10,
};
