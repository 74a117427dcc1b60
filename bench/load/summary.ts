import type { Sent } from "./load.ts";

export interface Summary {
  readonly sent: number;
  readonly failed: number;
  /** HTTP/2 streams that the server said it hadn't processed, sent again. */
  readonly retried: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** How often each kind of failure came, most frequent first. */
  readonly failures: Readonly<Record<string, number>>;
  /** Releases in the order in which they were first seen. */
  readonly releases: readonly string[];
}

/** Adds up requests. */
export function summarize(requests: readonly Sent[]): Summary {
  const times = requests.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const failed = requests.filter(({ failure }) => failure !== undefined);
  const counts = Map.groupBy(failed, ({ method, failure }) => `${method} ${failure}`);
  return {
    sent: requests.length,
    failed: failed.length,
    retried: requests.reduce((sum, { retries }) => sum + retries, 0),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: times.at(-1) ?? 0,
    failures: Object.fromEntries([...counts].map(([reason, { length }]) => [reason, length] as const).sort((a, b) => b[1] - a[1])),
    releases: [...new Set(requests.map(({ release }) => release).filter((release) => release !== ""))],
  };
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** Splits requests at points in time, in milliseconds since 1970: one group more than points. */
export function split(requests: readonly Sent[], ...points: readonly number[]): Sent[][] {
  const groups: Sent[][] = Array.from({ length: points.length + 1 }, () => []);
  for (const request of requests) groups[points.filter((point) => request.due >= point).length].push(request);
  return groups;
}

/** What a roll-out between two releases looked like from outside, times in milliseconds since 1970. */
export interface Overlap {
  /** First answer of the new release. */
  readonly firstNew: number;
  /** Last answer of the old one. */
  readonly lastOld: number;
}

/** Returns when the two releases answered; undefined where not both were seen. */
export function overlap(requests: readonly Sent[], oldRelease: string, newRelease: string): Overlap | undefined {
  const answered = (release: string) => requests.filter((request) => request.release === release).map(({ due, milliseconds }) => due + milliseconds);
  const [old, fresh] = [answered(oldRelease), answered(newRelease)];
  if (old.length === 0 || fresh.length === 0) return undefined;
  return { firstNew: Math.min(...fresh), lastOld: Math.max(...old) };
}
