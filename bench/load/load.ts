import { setTimeout as sleep } from "node:timers/promises";
import { Connections, kinds, NoAnswer, type Kind, type Target } from "./connections.ts";

/** Somebody who is logged in. */
export interface Visitor {
  session: string;
  readonly csrfToken: string;
}

export interface LoadArgs extends Omit<Target, "kept"> {
  /** Requests started a second, whether or not earlier ones have been answered. */
  readonly perSecond: number;
  /** How long it goes on unless it is stopped, in seconds. */
  readonly seconds: number;
  /** What is asked for in turn: a page and what its answer must contain, or a movie to post. */
  readonly cycle: readonly (Page | "post")[];
  /** Every POST's title is this and the request's number. */
  readonly titlePrefix: string;
  /** Who posts; each has one request under way at a time, as Django wants it while a key rotates. */
  readonly visitors: readonly Visitor[];
}

export interface Page {
  readonly path: string;
  readonly contains: string;
}

/** What became of one request. */
export interface Sent {
  readonly number: number;
  readonly kind: Kind;
  readonly method: "GET" | "POST";
  /** When it was due, in milliseconds since 1970; waiting counts from there. */
  readonly due: number;
  readonly milliseconds: number;
  /** Value of X-Release; empty without an answer. */
  readonly release: string;
  /** Why it failed; undefined for the answer that was expected. */
  readonly failure?: string;
  /** How often it was sent again because the server had said that it didn't process it. */
  readonly retries: number;
}

/** Requests under way at most; what is due beyond them counts as failed. */
const mostUnderWay = 4000;

/** Sends requests at a steady rate until `stopped` says so or the time is over, and returns what became of each. */
export async function load(args: LoadArgs, stopped: () => boolean): Promise<Sent[]> {
  // A quarter of the requests is of that kind: each connection rests for 4.5 s between two of them, a little less than the 5 s
  // for which nginx keeps a connection that it would rather close (keepalive_min_timeout): what the drain is there for.
  const connections = new Connections({ ...args, kept: Math.ceil((4.5 * args.perSecond) / kinds.length) });
  const idle = args.visitors.map((visitor) => ({ ...visitor }));
  const results: Sent[] = [];
  const pending = new Set<Promise<void>>();
  const begin = Date.now();
  let number = 0;

  const one = async (index: number, due: number) => {
    const kind = kinds[index % kinds.length];
    // Every kind of connection meets every request.
    const wanted = args.cycle[Math.floor(index / kinds.length) % args.cycle.length];
    const method = wanted === "post" ? "POST" : "GET";
    let retries = 0;
    let release = "";
    let failure: string | undefined;
    try {
      if (pending.size > mostUnderWay) throw new NoAnswer(`not sent: ${mostUnderWay} requests are unanswered`);
      const ask = (over: Kind) => (wanted === "post" ? post(over, index, due) : read(over, wanted));
      for (let again = true; again;) {
        again = false;
        try {
          // Its other kept connections may have been told to go in the same moment, and not have read it yet.
          release = await ask(retries === 0 ? kind : "HTTP/2 fresh");
        } catch (error) {
          if (!(error instanceof NoAnswer && error.unprocessed) || retries === 3) throw error;
          retries++;
          again = true;
        }
      }
    } catch (error) {
      failure = (error as Error).message;
    }
    results.push({
      number: index,
      kind,
      method,
      due,
      milliseconds: Date.now() - due,
      release,
      retries,
      ...(failure === undefined ? {} : { failure }),
    });
  };

  const read = async (kind: Kind, { path, contains }: Page) => {
    const { status, headers, text } = await connections.send(kind, { method: "GET", path, headers: {} });
    if (status !== 200) throw new Error(`status ${status}`);
    if (!text.includes(contains)) throw new Error(`wrong body: ${text.slice(0, 80)}`);
    return String(headers["x-release"]);
  };

  const post = async (kind: Kind, index: number, due: number) => {
    let visitor = idle.shift();
    while (visitor === undefined) {
      if (Date.now() - due > args.patienceMilliseconds) throw new Error("timed out: every visitor waits for an answer");
      await sleep(5);
      visitor = idle.shift();
    }
    const title = `${args.titlePrefix}${index}`;
    const origin = new URL(args.url).origin;
    try {
      const { status, headers, text } = await connections.send(kind, {
        method: "POST",
        path: "/api/movies/",
        headers: {
          "Content-Type": "application/json",
          Cookie: `sessionid=${visitor.session}; csrftoken=${visitor.csrfToken}`,
          "X-CSRFToken": visitor.csrfToken,
          Origin: origin,
          Referer: `${origin}/`,
        },
        body: JSON.stringify({ title, year: 2000 }),
      });
      for (const cookie of [headers["set-cookie"] ?? []].flat()) visitor.session = /^sessionid=([^;]+)/.exec(cookie)?.[1] ?? visitor.session;
      if (status !== 201) throw new Error(`status ${status}`);
      if (!text.includes(JSON.stringify(title))) throw new Error(`wrong body: ${text.slice(0, 80)}`);
      return String(headers["x-release"]);
    } finally {
      idle.push(visitor);
    }
  };

  while (!stopped() && Date.now() - begin < args.seconds * 1000) {
    const due = Math.floor(((Date.now() - begin) / 1000) * args.perSecond);
    for (; number <= due; number++) {
      const request = one(number, Math.round(begin + (number / args.perSecond) * 1000));
      pending.add(request);
      void request.finally(() => pending.delete(request));
    }
    await sleep(3);
  }
  await Promise.all(pending);
  connections.close();
  return results.sort((a, b) => a.number - b.number);
}
