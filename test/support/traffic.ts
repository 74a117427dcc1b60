import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "./client.ts";

export interface TrafficArgs {
  /** Requests started a second, whether or not earlier ones have been answered. */
  readonly perSecond: number;
  /** Sends the request with this number, counted from 0; it failed when this throws or the status is 400 or more. */
  readonly request: (number: number) => Promise<Answer>;
}

export interface TrafficResult {
  readonly sent: number;
  /** What went wrong, one line a request. */
  readonly failures: string[];
  /** Values of X-Release in the order in which they were first seen. */
  readonly releases: string[];
  readonly slowestMilliseconds: number;
}

/** Sends requests at a steady rate while `work` goes on, for ten minutes at most, and counts those that fail. */
export async function trafficDuring(args: TrafficArgs, work: () => Promise<unknown>): Promise<TrafficResult> {
  const failures: string[] = [];
  const releases: string[] = [];
  let sent = 0;
  let slowestMilliseconds = 0;
  let over = false;
  const pending = new Set<Promise<void>>();
  const one = async (number: number) => {
    const start = performance.now();
    try {
      const { status, headers } = await args.request(number);
      if (status >= 400) failures.push(`request ${number}: status ${status}`);
      const release = String(headers["x-release"]);
      if (!releases.includes(release)) releases.push(release);
    } catch (error) {
      failures.push(`request ${number}: ${(error as Error).message}`);
    }
    slowestMilliseconds = Math.max(slowestMilliseconds, performance.now() - start);
  };
  const begin = performance.now();
  const sender = (async () => {
    while (!over && performance.now() - begin < 600_000) {
      const due = Math.floor(((performance.now() - begin) / 1000) * args.perSecond);
      while (sent <= due) {
        const request = one(sent++);
        pending.add(request);
        void request.finally(() => pending.delete(request));
      }
      await sleep(5);
    }
  })();
  try {
    await sleep(1000);
    await work();
    await sleep(1000);
  } finally {
    over = true;
    await sender;
    await Promise.all(pending);
  }
  return { sent, failures, releases, slowestMilliseconds };
}
