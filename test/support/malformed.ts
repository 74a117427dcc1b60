import { connect, type TLSSocket } from "node:tls";

/** A request that no well-behaved client sends. */
export interface Malformed {
  /** What is wrong with it; part of its path where it has one. */
  readonly kind: string;
  /** Whether it is whole as HTTP and may be Django's to answer. */
  readonly whole: boolean;
  /** Protocol that the client says it speaks. */
  readonly protocol: "http/1.1" | "h2";
  readonly bytes: Buffer;
}

/** What came back over a connection. */
export interface Reply {
  readonly malformed: Malformed;
  /** Statuses of HTTP/1.1 answers in their order, the last one that of the request that followed; none for HTTP/2. */
  readonly statuses: number[];
  readonly text: string;
  /** Whether the server ended the connection before the test did. */
  readonly closed: boolean;
}

/** The request that follows each on the same connection, and its whole answer's body. */
const follower = "GET /healthz HTTP/1.1\r\nHost: movies.localhost:18443\r\nConnection: close\r\n\r\n";

type Numbers = (below: number) => number;

/** Pseudo-random whole numbers, the same for the same seed (mulberry32). */
export function numbers(seed: number): Numbers {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Parts {
  readonly method?: string;
  readonly path?: string;
  readonly version?: string;
  readonly host?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
}

function text(
  kind: string,
  { method = "GET", path = `/mal/${kind}`, version = "HTTP/1.1", host = "Host: movies.localhost:18443", lines = [], body = "" }: Parts,
): Buffer {
  const head = [`${method} ${path} ${version}`, ...(host === "" ? [] : [host]), ...lines].join("\r\n");
  return Buffer.from(`${head}\r\n\r\n${body}`, "latin1");
}

/** What is wrong, by kind; `false`: nginx has to refuse it. */
const plain: Record<string, [whole: boolean, make: (number: Numbers) => Parts]> = {
  "length-negative": [false, () => ({ method: "POST", lines: ["Content-Length: -1"] })],
  "length-word": [false, (n) => ({ method: "POST", lines: [`Content-Length: ${["abc", "0x10", "1e3", "+5", "5 5", "5,5", ""][n(7)]}`] })],
  "length-huge": [false, () => ({ method: "POST", lines: ["Content-Length: 99999999999999999999999"] })],
  "length-twice": [false, (n) => ({ method: "POST", lines: ["Content-Length: 5", `Content-Length: ${n(9)}`], body: "hello" })],
  "length-and-chunked": [false, (n) => ({ method: "POST", lines: n(2) === 0 ? ["Content-Length: 6", "Transfer-Encoding: chunked"] : ["Transfer-Encoding: chunked", "Content-Length: 6"], body: "0\r\n\r\nG" })], // prettier-ignore
  "encoding-odd": [false, (n) => ({ method: "POST", lines: [`Transfer-Encoding: ${["xchunked", "chunked, identity", "identity, chunked", "gzip, chunked", "chunked\x0b", '"chunked"'][n(6)]}`], body: "0\r\n\r\n" })], // prettier-ignore
  "encoding-twice": [false, () => ({ method: "POST", lines: ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], body: "0\r\n\r\n" })],
  "encoding-http10": [false, () => ({ method: "POST", version: "HTTP/1.0", lines: ["Transfer-Encoding: chunked"], body: "0\r\n\r\n" })],
  "chunk-bad": [false, (n) => ({ method: "POST", lines: ["Transfer-Encoding: chunked"], body: `${["zz", "-1", "0x5", "fffffffffffffffff", " 5"][n(5)]}\r\nhello\r\n0\r\n\r\n` })], // prettier-ignore
  "colon-space": [false, () => ({ method: "POST", lines: ["Content-Length : 5"], body: "hello" })],
  "header-no-colon": [false, () => ({ lines: ["what is this"] })],
  "header-control": [false, (n) => ({ lines: [`X-Odd: a${["\0", "\0b", "x\0"][n(3)]}`] })],
  "header-name-odd": [true, (n) => ({ lines: [`X${["(", "@", "\x7f", "é", "/", "_"][n(6)]}Odd: 1`] })],
  "header-folded": [false, () => ({ lines: ["X-One: 1", " folded"] })],
  "header-long": [false, () => ({ lines: [`X-Long: ${"a".repeat(17_000)}`] })],
  "headers-huge": [false, () => ({ lines: Array.from({ length: 11 }, (_, index) => `X-${index}: ${"a".repeat(7000)}`) })],
  "path-long": [false, () => ({ path: `/mal/path-long/${"a".repeat(17_000)}` })],
  "path-nul": [false, (n) => ({ path: `/mal/path-nul/${["\0", "%00", "a%00.png"][n(3)]}` })],
  "path-control": [false, (n) => ({ path: `/mal/path-control/${["\x01", "\x7f", "\x0b"][n(3)]}` })],
  "path-escape": [false, (n) => ({ path: `/mal/path-escape/${["%zz", "%", "%4"][n(3)]}` })],
  "path-raw-bytes": [true, () => ({ path: "/mal/path-raw-bytes/\xff\xfe" })],
  "traversal-out": [false, (n) => ({ path: ["/../../etc/passwd", "/mal/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/../../../etc/passwd", "/media/%2e%2e%2f%2e%2e%2f%2e%2e/etc/passwd"][n(5)] })], // prettier-ignore
  "traversal-in": [true, (n) => ({ path: ["/static/..%2f..%2fetc/passwd", "/static/....//etc/passwd", "/media/..\\..\\etc", "/static../settings.py", "/media..%5cetc", "/static/%252e%252e/etc/passwd"][n(6)] })], // prettier-ignore
  "host-none": [false, () => ({ host: "" })],
  "host-twice": [false, () => ({ lines: ["Host: evil.example"] })],
  "host-odd": [false, (n) => ({ host: `Host: ${["movies.localhost evil", "movies.localhost/x", "mov\0ies", "", "a..b", "[::1"][n(6)]}` })],
  "host-foreign": [false, (n) => ({ host: `Host: ${["evil.example", "127.0.0.1", "localhost", "movies.localhost.evil.example", "_"][n(5)]}` })],
  "method-odd": [false, (n) => ({ method: ["get", "G@T", "", "GET\t", "12", "G\0T"][n(6)] })],
  "method-other": [true, (n) => ({ method: ["PROPFIND", "BREW", "PURGE", "DEBUG"][n(4)], path: "/healthz" })],
  "method-refused": [false, (n) => (n(2) === 0 ? { method: "TRACE" } : { method: "CONNECT", path: "evil.example:443" })],
  "version-odd": [false, (n) => ({ version: ["HTTP/9.9", "HTTP/2.0", "HTTP/1", "HTTP/1.1.1", "HTPP/1.1", "http/1.1"][n(6)] })],
  "expect-odd": [true, () => ({ method: "POST", lines: ["Expect: 200-nothing", "Content-Length: 0"] })],
  "range-odd": [true, (n) => ({ path: "/static/movies/icon.svg", lines: [`Range: bytes=${["-", "5-1", "0-,".repeat(100), "99999999999999999999-", "a-b"][n(5)]}`] })], // prettier-ignore
  "upgrade-odd": [
    true,
    () => ({ path: "/healthz", lines: ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"] }),
  ],
  "absolute-foreign": [false, () => ({ path: "http://evil.example/mal/absolute-foreign" })],
};

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

function frame(type: number, flags: number, stream: number, payload: Buffer, length = payload.length): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length & 0xffffff, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const settings = frame(4, 0, 0, Buffer.alloc(0));
const random = (number: Numbers, length: number) => Buffer.from(Array.from({ length }, () => number(256)));

const binary: Record<string, (number: Numbers) => Buffer[]> = {
  "h2-no-settings": (n) => [frame(n(10), n(256), 1, random(n, n(40)))],
  "h2-headers-junk": (n) => [settings, frame(1, 5, 1, random(n, 5 + n(60)))],
  "h2-frame-too-long": () => [settings, frame(0, 0, 1, Buffer.alloc(100), 0xffffff)],
  "h2-even-stream": (n) => [settings, frame(1, 5, 2, random(n, 10))],
  "h2-window-zero": () => [settings, frame(8, 0, 0, Buffer.alloc(4))],
  "h2-settings-odd": (n) => [settings, frame(4, 0, 0, random(n, 7))],
  "h2-continuation": (n) => [settings, frame(9, 0, 1, random(n, 20))],
  "h2-ping-short": () => [settings, frame(6, 0, 0, Buffer.alloc(3))],
  "h2-reset-idle": () => [settings, frame(3, 0, 5, Buffer.alloc(4))],
  "h2-data-idle": (n) => [settings, frame(0, 1, 7, random(n, 10))],
  "h2-junk": (n) => [random(n, 200)],
};

/** Makes that many of them, all kinds in turn, the same for the same seed. */
export function malformedRequests(count: number, seed: number): Malformed[] {
  const number = numbers(seed);
  const makers = [
    ...Object.entries(plain).map(([kind, [whole, make]]) => (): Malformed => ({
      kind,
      whole,
      protocol: "http/1.1",
      bytes: text(kind, make(number)),
    })),
    ...Object.entries(binary).map(([kind, make]) => (): Malformed => ({ kind, whole: false, protocol: "h2", bytes: Buffer.concat([Buffer.from(preface), ...make(number)]) })), // prettier-ignore
    (): Malformed => ({ kind: "bytes", whole: false, protocol: "http/1.1", bytes: random(number, 1 + number(300)) }),
  ];
  return Array.from({ length: count }, (_, index) => makers[index % makers.length]());
}

/** Sends one over a connection of its own, and after it, over HTTP/1.1, a good request. */
export function send(malformed: Malformed, port: number): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, servername: "movies.localhost", rejectUnauthorized: false, ALPNProtocols: [malformed.protocol] };
    const chunks: Buffer[] = [];
    const socket: TLSSocket = connect(options, () => {
      socket.write(malformed.bytes);
      if (malformed.protocol === "http/1.1") socket.write(follower);
    });
    const finish = (closed: boolean) => {
      clearTimeout(limit);
      socket.destroy();
      const received = Buffer.concat(chunks).toString("latin1");
      const statuses = malformed.protocol === "h2" ? [] : [...received.matchAll(/^HTTP\/1\.[01] (\d{3}) /gm)].map(([, status]) => Number(status));
      resolve({ malformed, statuses, text: received, closed });
    };
    // Longer than nginx waits for the rest of a request.
    const limit = setTimeout(() => finish(false), 20_000);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("close", () => finish(true));
    socket.on("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNREFUSED" ? reject(error) : undefined));
  });
}
