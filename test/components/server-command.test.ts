import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { renderHeadersQuestion, renderHealthCheck, renderServerCommand } from "../../components/server-command.ts";
import { upstreamKeepaliveSeconds } from "../../nginx/render.ts";

const args = {
  port: 9000,
  wsgi: "config.wsgi",
  asgi: "config.asgi",
  workerClass: "gthread" as const,
  workerCount: 3,
  threads: 4,
  preload: true,
  requestGraceSeconds: 30,
  filesFolder: "/run/stack/0a1b2c3d4e5f",
  proxies: ["172.30.0.0/16"],
};

test("gunicorn's command line", () => {
  expect(renderServerCommand({ ...args, server: "gunicorn" })).toEqual([
    "serve", "gunicorn", "--config=/run/stack/0a1b2c3d4e5f/gunicorn.conf.py", "--bind=0.0.0.0:9000", "--worker-class=gthread", "--workers=3", "--threads=4", "--worker-tmp-dir=/dev/shm",
    "--preload", "--max-requests=20000", "--max-requests-jitter=2000", "--timeout=30", "--graceful-timeout=30", "--keep-alive=20",
    "--limit-request-field_size=16380", "--limit-request-line=8190", "--forwarded-allow-ips=127.0.0.1,172.30.0.0/16", "--error-logfile=-",
    "config.wsgi",
  ]); // prettier-ignore
});

test("each worker class with its own threads and module; one load of the project where the class can share it", () => {
  const words = (workerClass: "sync" | "gthread" | "gevent" | "uvicorn", preload = true) => {
    const command = renderServerCommand({ ...args, server: "gunicorn", workerClass, preload });
    return [...command.filter((word) => /^--(worker-class=|threads=|preload)/.test(word)), command.at(-1)];
  };
  expect(words("gthread", false)).toEqual(["--worker-class=gthread", "--threads=4", "config.wsgi"]);
  expect(words("sync", false)).toEqual(["--worker-class=sync", "--threads=1", "config.wsgi"]);
  expect(words("sync")).toEqual(["--worker-class=sync", "--threads=1", "--preload", "config.wsgi"]);
  expect(words("gevent")).toEqual(["--worker-class=gevent", "--threads=1", "config.wsgi"]);
  expect(words("uvicorn")).toEqual(["--worker-class=uvicorn_worker.UvicornWorker", "--threads=1", "config.asgi"]);
});

test("gunicorn keeps a connection longer than nginx does", () => {
  const keepAlive = /--keep-alive=(\d+)/.exec(renderServerCommand({ ...args, server: "gunicorn" }).join(" "))?.[1];
  expect(Number(keepAlive)).toBeGreaterThan(upstreamKeepaliveSeconds);
});

test("runserver's command line", () => {
  expect(renderServerCommand({ ...args, server: "runserver" })).toEqual(["run", "python", "manage.py", "runserver", "0.0.0.0:9000"]);
});

/** Answers as a replica would, and keeps what was asked. */
async function replica(status: number, headers: Record<string, string | string[]>) {
  const asked: unknown[] = [];
  const server = createServer(({ method, url, headers: { host, ...sent } }, response) => {
    asked.push(method, url, host, sent["x-forwarded-proto"]);
    response.sendDate = false;
    response.writeHead(status, headers).end("the page\n");
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const question = { port: (server.address() as AddressInfo).port, path: "/healthz", host: "movies.example:8443", https: true };
  const run = (words: readonly string[]) =>
    new Promise((resolve) => execFile("python3", words, (error, stdout, stderr) => resolve([error === null ? 0 : error.code, stdout + stderr])));
  return { asked, question, run };
}

test.each([
  [200, "/", 0, ""],
  [404, undefined, 1, "GET /healthz: 404 Not Found; app.healthPath must answer 200\n"],
  [302, "/login/", 1, "GET /healthz: 302 Found to /login/; app.healthPath must answer 200\n"],
])("the health check asks for the site by its name, and tells what isn't 200: %i", async (status, location, exitCode, told) => {
  const { asked, question, run } = await replica(status, location === undefined ? {} : { Location: location });
  const [kind, program, ...words] = renderHealthCheck(question);
  expect([kind, program]).toEqual(["CMD", "python"]);
  expect(await run(words)).toEqual([exitCode, told]);
  expect(asked).toEqual(["GET", "/healthz", "movies.example:8443", "https"]);
});

test("the same question tells the headers of the answer", async () => {
  const { question, run } = await replica(200, { "X-Frame-Options": "SAMEORIGIN", "Set-Cookie": ["a=1", "b=2"] });
  const [program, ...words] = renderHeadersQuestion(question);
  expect(program).toBe("python");
  const headers = ["X-Frame-Options: SAMEORIGIN", "Set-Cookie: a=1", "Set-Cookie: b=2", "Connection: close", "Transfer-Encoding: chunked"];
  expect(await run(words)).toEqual([0, `${headers.join("\n")}\n`]);
});
