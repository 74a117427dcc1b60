import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoadArgs, Sent } from "../../bench/load/load.ts";
import { startLoad, type RunningLoad } from "../../bench/load/start-load.ts";
import { docker, type Site } from "./site.ts";
import { visitors } from "./visitors.ts";

/** What became of a load's writes, as the database tells it afterwards. */
export interface Ledger {
  /** Titles whose POST was answered with 201 and that aren't there. */
  readonly missing: string[];
  /** Titles that are there more than once. */
  readonly doubled: string[];
}

export interface LoadResult extends Ledger {
  readonly requests: Sent[];
}

const halfOfThemPosts: LoadArgs["cycle"] = [
  { path: "/admin/login/", contains: "csrfmiddlewaretoken" },
  "post",
  { path: "/api/movies/?search=Alien", contains: '"results"' },
  "post",
];

/** A steady load on a site while something happens to it. */
export class SiteLoad {
  private readonly site: Site;
  private readonly titlePrefix: string;
  private readonly running: RunningLoad;

  /**
   * @param perSecond requests a second, over the four kinds of connections in turn.
   * @param address to connect to, 127.0.0.1 unless another is given.
   */
  constructor(site: Site, perSecond: number, cycle: LoadArgs["cycle"] = halfOfThemPosts, address?: string) {
    this.site = site;
    this.titlePrefix = `load-${randomBytes(4).toString("hex")}-`;
    this.running = startLoad({
      url: site.outputs.url,
      address,
      port: site.port,
      authority: site.authority,
      patienceMilliseconds: 40_000,
      perSecond,
      seconds: 600,
      cycle,
      titlePrefix: this.titlePrefix,
      visitors: visitors(site.containersOf("django")[0], "admin", Math.max(16, 2 * perSecond)),
    });
  }

  /** Waits for the last answers, then looks every POST up in the database. */
  async stop(): Promise<LoadResult> {
    const requests = await this.running.stop();
    const counts = storedTitles(this.site.containersOf("postgres")[0], this.titlePrefix);
    const posts = requests
      .filter(({ method }) => method === "POST")
      .map((request) => ({ ...request, title: `${this.titlePrefix}${request.number}` }));
    return {
      requests,
      missing: posts.filter(({ failure, title }) => failure === undefined && !counts.has(title)).map(({ title }) => title),
      doubled: [...counts].filter(([, count]) => count > 1).map(([title]) => title),
    };
  }
}

/** Returns how often each title that begins with a prefix is in the database. */
export function storedTitles(postgres: string, titlePrefix: string): Map<string, number> {
  const query = `SELECT title, count(*) FROM movies_movie WHERE title LIKE '${titlePrefix}%' GROUP BY title`;
  const rows = docker("exec", postgres, "psql", "--username=postgres", "--dbname=django", "--no-align", "--tuples-only", "--command", query);
  return new Map(
    rows
      .split("\n")
      .filter((row) => row !== "")
      .map((row) => [row.split("|")[0], Number(row.split("|")[1])]),
  );
}

/** Puts a load on a site while `work` goes on, with a quiet time before and after. */
export async function loadDuring(
  site: Site,
  perSecond: number,
  work: () => Promise<unknown>,
  { secondsBefore = 2, secondsAfter = 2 } = {},
): Promise<LoadResult & { readonly from: number; readonly to: number }> {
  const load = new SiteLoad(site, perSecond);
  let from = 0;
  let to = 0;
  let outcome: { error: unknown } | undefined;
  try {
    await sleep(secondsBefore * 1000);
    from = Date.now();
    await work();
  } catch (error) {
    outcome = { error };
  }
  to = Date.now();
  await sleep(secondsAfter * 1000);
  const result = await load.stop();
  if (outcome !== undefined) throw outcome.error;
  return { ...result, from, to };
}
