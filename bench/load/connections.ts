import { connect as connectHttp2, constants, type ClientHttp2Session } from "node:http2";
import { Agent, request as requestHttps } from "node:https";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";

/** How a request reaches the site: the protocol, and whether on a connection that is there already or on one of its own. */
export const kinds = ["HTTP/1.1 keep-alive", "HTTP/1.1 fresh", "HTTP/2 keep-alive", "HTTP/2 fresh"] as const;
export type Kind = (typeof kinds)[number];

export interface Target {
  /** An https URL; its name needn't resolve. */
  readonly url: string;
  /** Address to connect to. @default 127.0.0.1 */
  readonly address?: string;
  /** Port to connect to. @default - the URL's own */
  readonly port?: number;
  /** Certificate of the authority to trust, PEM. */
  readonly authority: string;
  /** Connections that are kept, each used in turn, as browsers do whose visitors read for a while. */
  readonly kept: number;
  /** How long an answer may take, in milliseconds. */
  readonly patienceMilliseconds: number;
}

export interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** A request that got no whole answer. */
export class NoAnswer extends Error {
  /** The server said that it didn't process the request, so that sending it again is safe: an HTTP/2 stream after GOAWAY, or refused. */
  readonly unprocessed: boolean;

  constructor(reason: string, unprocessed = false) {
    super(reason);
    this.unprocessed = unprocessed;
  }
}

/**
 * A connection that rested for longer isn't used again, as by clients whose limit is below the server's: nginx may close one
 * after 5 s (keepalive_min_timeout), and a load that is late by itself would meet that moment.
 */
const longestRestMilliseconds = 4750;

/** Sends requests to one site, each on the kind of connection that it asks for. */
export class Connections {
  private readonly target: Target;
  /** Made once: reading the authorities anew took a seventh of the processor time of each connection. */
  private readonly secureContext: SecureContext;
  private readonly fresh: Agent;
  /** The one that waited longest comes first; one that waits for an answer isn't here. */
  private readonly kept: { readonly agent: Agent; readonly since: number }[];
  private readonly newlyKept: () => { readonly agent: Agent; readonly since: number };
  private readonly keptHttp2: (Http2Connection | undefined)[];
  private nextHttp2 = 0;

  constructor(target: Target) {
    this.target = target;
    this.secureContext = createSecureContext({ ca: target.authority });
    const tls = { host: addressOf(target), port: portOf(target), secureContext: this.secureContext, servername: new URL(target.url).hostname };
    this.fresh = new Agent({ ...tls, keepAlive: false, maxCachedSessions: 0 });
    this.newlyKept = () => ({ agent: new Agent({ ...tls, keepAlive: true, maxSockets: 1 }), since: performance.now() });
    this.kept = Array.from({ length: target.kept }, this.newlyKept);
    this.keptHttp2 = Array.from({ length: target.kept }, () => undefined);
  }

  /** Sends a request and returns the whole answer; throws NoAnswer. */
  async send(kind: Kind, request: Request): Promise<Answer> {
    if (kind === "HTTP/1.1 keep-alive") {
      // When every browser waits for an answer, another one comes along.
      const { agent, since } = this.kept.shift() ?? this.newlyKept();
      if (performance.now() - since > longestRestMilliseconds) agent.destroy();
      return this.sendHttp1(agent, request).finally(() => this.kept.push({ agent, since: performance.now() }));
    }
    if (kind === "HTTP/1.1 fresh") return this.sendHttp1(this.fresh, request);
    if (kind === "HTTP/2 keep-alive") {
      const index = this.nextHttp2++ % this.keptHttp2.length;
      const kept = this.keptHttp2[index];
      const usable = kept?.usable ? kept : new Http2Connection(this.target, this.secureContext);
      if (usable !== kept) kept?.close();
      this.keptHttp2[index] = usable;
      return usable.send(request);
    }
    const own = new Http2Connection(this.target, this.secureContext);
    try {
      return await own.send(request);
    } finally {
      own.close();
    }
  }

  close(): void {
    for (const agent of [this.fresh, ...this.kept.map((kept) => kept.agent)]) agent.destroy();
    for (const connection of this.keptHttp2) connection?.close();
  }

  private sendHttp1(agent: Agent, { method, path, headers, body }: Request): Promise<Answer> {
    const { patienceMilliseconds, url } = this.target;
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
      const call = requestHttps(
        { agent, method, path, host: addressOf(this.target), port: portOf(this.target), headers: { Host: new URL(url).host, ...length, ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("error", (error) => reject(new NoAnswer(named(error))));
          response.on("data", (chunk) => chunks.push(chunk));
          response.on("end", () => {
            clearTimeout(timer);
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() });
          });
        },
      );
      const timer = setTimeout(() => call.destroy(new Error("timed out")), patienceMilliseconds);
      call.on("error", (error) => {
        clearTimeout(timer);
        reject(new NoAnswer(named(error)));
      });
      call.end(body);
    });
  }
}

class Http2Connection {
  private readonly target: Target;
  private readonly session: ClientHttp2Session;
  private failure: Error | undefined;
  /** Last stream that the server says it processed, once it said so. */
  private lastStream: number | undefined;
  private underWay = 0;
  private since = performance.now();

  constructor(target: Target, secureContext: SecureContext) {
    this.target = target;
    const { hostname, origin } = new URL(target.url);
    this.session = connectHttp2(origin, {
      createConnection: () =>
        connectTls({ host: addressOf(target), port: portOf(target), servername: hostname, secureContext, ALPNProtocols: ["h2"] }),
    });
    this.session.on("error", (error) => (this.failure ??= error));
    this.session.on("goaway", (_code, lastStream) => (this.lastStream = lastStream));
  }

  get usable(): boolean {
    const rested = this.underWay === 0 && performance.now() - this.since > longestRestMilliseconds;
    return !rested && !this.session.closed && !this.session.destroyed && this.lastStream === undefined;
  }

  send({ method, path, headers, body }: Request): Promise<Answer> {
    const { patienceMilliseconds } = this.target;
    const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    this.underWay++;
    return new Promise((resolve, reject) => {
      const stream = this.session.request({ ":method": method, ":path": path, ...lowerCase }, { endStream: body === undefined });
      const chunks: Buffer[] = [];
      let answered: Record<string, any> | undefined;
      let error: Error | undefined;
      const timer = setTimeout(() => {
        error = new Error("timed out");
        stream.close(constants.NGHTTP2_CANCEL);
      }, patienceMilliseconds);
      stream.on("response", (responseHeaders) => (answered = responseHeaders));
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("error", (cause) => (error ??= cause));
      stream.on("close", () => {
        clearTimeout(timer);
        this.underWay--;
        this.since = performance.now();
        if (error === undefined && stream.rstCode === constants.NGHTTP2_NO_ERROR && answered !== undefined) {
          return resolve({ status: Number(answered[":status"]), headers: answered, text: Buffer.concat(chunks).toString() });
        }
        // RFC 9113, 6.8 and 8.7: neither kind has been processed.
        const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || (this.lastStream !== undefined && (stream.id ?? 0) > this.lastStream);
        reject(new NoAnswer(named(this.failure ?? error ?? new Error(`stream closed with code ${stream.rstCode}`)), refused));
      });
      if (body !== undefined) stream.end(body);
    });
  }

  close(): void {
    this.session.close();
  }
}

function addressOf({ address }: Target): string {
  return address ?? "127.0.0.1";
}

function portOf({ port, url }: Target): number {
  return port ?? Number(new URL(url).port || 443);
}

/** Returns the words of the report for an error of the network. */
function named(error: Error): string {
  if (error.cause instanceof Error) return named(error.cause);
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "connection refused";
  if (code === "ECONNRESET" || code === "EPIPE") return `connection reset: ${error.message}`;
  if (code === "ETIMEDOUT" || error.message === "timed out") return "timed out";
  if (/^(ERR_SSL|ERR_TLS|CERT|UNABLE|DEPTH|SELF)/.test(code)) return `TLS error: ${code}`;
  return [code, error.message].filter((word) => word !== "").join(" ");
}
