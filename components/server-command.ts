import { upstreamKeepaliveSeconds } from "../nginx/render.ts";

export interface ServerCommandArgs {
  readonly server: "gunicorn" | "runserver";
  readonly port: number;
  readonly wsgi: string;
  readonly asgi: string;
  readonly workerClass: "sync" | "gthread" | "gevent" | "uvicorn";
  readonly workerCount: number;
  readonly threads: number;
  /** Whether the project is loaded once, before the workers are forked. */
  readonly preload: boolean;
  /** How long a request may run, in seconds. */
  readonly requestGraceSeconds: number;
  /** Folder of the stack's own files, inside the container. */
  readonly filesFolder: string;
  /** Addresses or ranges that nginx asks from: its word on the scheme counts. */
  readonly proxies: readonly string[];
}

/** Returns the entry script's arguments: its mode, then the server's command line. */
export function renderServerCommand(args: ServerCommandArgs): string[] {
  // The development server is replaced at once, nobody's request needs to be waited for.
  if (args.server === "runserver") return ["run", "python", "manage.py", "runserver", `0.0.0.0:${args.port}`];
  return [
    "serve",
    "gunicorn",
    `--config=${args.filesFolder}/gunicorn.conf.py`,
    `--bind=0.0.0.0:${args.port}`,
    `--worker-class=${workerClassUri(args.workerClass)}`,
    `--workers=${args.workerCount}`,
    // More than one would make gunicorn take gthread in place of sync.
    `--threads=${args.workerClass === "gthread" ? args.threads : 1}`,
    // A worker that touches its heartbeat file on a slow disk is taken for hung (gunicorn's FAQ).
    "--worker-tmp-dir=/dev/shm",
    // gevent has to patch what the project imports first, and uvicorn's loop is each worker's own.
    ...(args.preload && (args.workerClass === "sync" || args.workerClass === "gthread") ? ["--preload"] : []),
    // Against slow leaks. Where the project isn't preloaded, a restart costs about a second of a processor.
    "--max-requests=20000",
    "--max-requests-jitter=2000",
    `--timeout=${args.requestGraceSeconds}`,
    `--graceful-timeout=${args.requestGraceSeconds}`,
    `--keep-alive=${upstreamKeepaliveSeconds + 5}`,
    // A browser sends back in one line what cookies it was given, of 4 KB each; gunicorn's own 8190 bytes would refuse a visitor with three.
    "--limit-request-field_size=16380",
    // Twice gunicorn's own, and the most that it takes: searches and the admin's filters have long addresses.
    "--limit-request-line=8190",
    // The health check's word counts too: without, a project that redirects to HTTPS by itself would never be healthy.
    `--forwarded-allow-ips=${["127.0.0.1", ...args.proxies].join(",")}`,
    "--error-logfile=-",
    serverModule(args),
  ];
}

/** Returns what gunicorn calls a worker class. */
export function workerClassUri(workerClass: ServerCommandArgs["workerClass"]): string {
  return workerClass === "uvicorn" ? "uvicorn_worker.UvicornWorker" : workerClass;
}

/** Returns the module that gunicorn loads. */
export function serverModule({ workerClass, wsgi, asgi }: Pick<ServerCommandArgs, "workerClass" | "wsgi" | "asgi">): string {
  return workerClass === "uvicorn" ? asgi : wsgi;
}

/** A page of the site, as a replica's own container asks for it. */
export interface SiteQuestion {
  readonly port: number;
  readonly path: string;
  /** Host, and the port where it isn't the scheme's own. */
  readonly host: string;
  /** Whether browsers come over TLS. */
  readonly https: boolean;
}

/**
 * Returns the health check's command: a GET with the site's own Host, as a browser behind nginx would send it; what isn't 200 it tells.
 *
 * It runs every few seconds in every replica: without `http.client` and `site` Python starts in 15 ms instead of 37 to 71 (ten starts each,
 * in the base image).
 */
export function renderHealthCheck(question: SiteQuestion): string[] {
  const tell = [
    "r = h[0].partition(' ')[2] if h else 'no answer'",
    "to = [l.partition(': ')[2] for l in h if l.lower().startswith('location: ')]",
    `sys.exit(None if r[:3] == "200" else "GET %s: %s%s; app.healthPath must answer 200" % (${JSON.stringify(question.path)}, r, " to " + to[0] if to else ""))`,
  ];
  return ["CMD", ...python([...asking(question), ...tell])];
}

/** Returns a command that asks the same and prints the headers of the answer, one a line. */
export function renderHeadersQuestion(question: SiteQuestion): string[] {
  return python([...asking(question), "print('\\n'.join(h[1:]))"]);
}

/** Lines that leave those of the answer in `h`, the status first. */
function asking({ port, path, host, https }: SiteQuestion): string[] {
  const request = [`GET ${path} HTTP/1.1`, `Host: ${host}`, `X-Forwarded-Proto: ${https ? "https" : "http"}`, "Connection: close", "", ""];
  return [
    "import socket, sys",
    `s = socket.create_connection(("127.0.0.1", ${port}), 4)`,
    `s.sendall(${JSON.stringify(request.join("\r\n"))}.encode())`,
    "f = s.makefile(encoding='latin-1')",
    "h = list(iter(lambda: f.readline().strip(), ''))",
  ];
}

const python = (lines: readonly string[]) => ["python", "-S", "-c", lines.join("; ")];
