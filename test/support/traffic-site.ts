import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import type { Answer, RequestOptions } from "./client.ts";
import { docker, Site } from "./site.ts";
import type { MakeStack } from "./stack-driver.ts";

const views = readFileSync(join(import.meta.dirname, "traffic_views.py"), "utf8");

/** A site with views that show what reaches Django, and shorthands to change and ask it. */
export class TrafficSite extends Site {
  private readonly base: Record<string, unknown>;

  constructor(name: string, makeStack: MakeStack) {
    super(name, makeStack, { config: { aliases: ["www.movies.localhost", "*.shops.movies.localhost"] } });
    this.base = this.stack.config;
  }

  override start(): Promise<void> {
    return super.start((project) => {
      appendFileSync(join(project, "config/urls.py"), `\n\n${views}`);
      // What nginx sends is to be told from what Django does; and a key that a release job finds fault with.
      appendFileSync(join(project, "config/settings.py"), '\nX_FRAME_OPTIONS = "SAMEORIGIN"\nSECRET_KEY += "-of-the-code"\n');
    });
  }

  /** Brings the site up with its usual config but for a change. */
  async upWith(change: Record<string, unknown>): Promise<void> {
    this.stack.config = { ...this.base, ...change };
    await this.up();
  }

  /** Adds to the app's usual settings. */
  appWith(change: Record<string, unknown>): Record<string, unknown> {
    return { app: { ...(this.base.app as Record<string, unknown>), ...change } };
  }

  get(path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.anonymous().request(path, options);
  }

  /** Waits until nginx's access log has so many entries whose path begins like that: it is written after the answer. Returns them. */
  async logged(path: string, atLeast: number): Promise<Record<string, any>[]> {
    const entries = () =>
      docker("logs", `${this.prefix}-nginx`)
        .split("\n")
        .filter((line) => line.includes(`"uri":"${path}`))
        .map((line) => JSON.parse(line));
    return vi.waitFor(
      () => {
        const found = entries();
        if (found.length < atLeast) throw new Error(`nginx's log has ${found.length} entries of ${path}, not ${atLeast}`);
        return found;
      },
      { timeout: 10_000, interval: 200 },
    );
  }
}
