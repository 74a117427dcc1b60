import { djangoHeaders, forbidsFrames, headerNames, type HeaderValues } from "../nginx/headers.ts";
import { headersSettings } from "../settings/headers.ts";
import type { DockerCommand } from "./docker-engine.ts";
import { renderHeadersQuestion, type SiteQuestion } from "./server-command.ts";

export interface HiddenHeadersArgs extends SiteQuestion {
  readonly docker: DockerCommand;
  /** A replica's container. */
  readonly container: string;
  readonly environment: "dev" | "prod";
  readonly values: HeaderValues;
}

/**
 * Asks a replica which headers it sends that visitors get with the stack's default in their place; returns a warning for each.
 *
 * Whoever has set another value has decided, and headers that nginx alone may set make no page look different.
 */
export async function hiddenHeaders({ docker, container, environment, values, ...site }: HiddenHeadersArgs): Promise<string[]> {
  const { stdout } = await docker("exec", container, ...renderHeadersQuestion(site));
  const sent = stdout.split("\n").map((line) => /^([^:]+):\s*(.*?)\s*$/.exec(line) ?? ["", "", ""]);
  return djangoHeaders.flatMap((key) => {
    const own = sent.filter(([, name]) => name.toLowerCase() === headerNames[key].toLowerCase()).map(([, , value]) => value);
    const decided = values.fromDjango.includes(key) || values[key] !== headersSettings[key][environment];
    if (own.length === 0 || decided || own.join(", ").toLowerCase() === values[key].toLowerCase()) return [];
    const got = values[key] === "off" ? "none" : values[key];
    const too = key === "frameOptions" && forbidsFrames(values) ? ", and let frame-ancestors in headers.contentSecurityPolicy allow the same" : "";
    return `Django answers ${site.path} with ${headerNames[key]}: ${own.join(", ")}; visitors get headers.${key} instead: ${got}. Where Django's is to count, name ${key} in headers.fromDjango${too}`;
  });
}
