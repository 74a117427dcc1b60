import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { summarize } from "../../../bench/load/summary.ts";
import { query } from "../../support/backups.ts";
import { logsOf } from "../../support/site.ts";
import { loadDuring } from "../../support/site-load.ts";
import type { TrafficSite } from "../../support/traffic-site.ts";
import { WebSocketClient } from "../../support/web-socket.ts";

const gunicornSettings = `
import sys

def post_worker_init(worker):
    print(f"the project's hook in {worker.pid}", file=sys.stderr, flush=True)

def pre_request(worker, request):
    print(f"request in {worker.pid}", file=sys.stderr, flush=True)
`;
const urls = `
import os, sys
print(f"urls loaded in {os.getpid()}", file=sys.stderr, flush=True)
`;

/** Sends back what comes over a WebSocket, with the request's id behind it. */
const echo = `
pages = application

async def application(scope, receive, send):
    if scope["type"] != "websocket":
        return await pages(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"{message['text']} {dict(scope['headers'])[b'x-request-id'].decode()}"})
`;

/** Each of gunicorn's worker classes, rolled out like any other change. */
export function workersBehaviour(site: TrafficSite): void {
  describe("worker classes", () => {
    const install = () => {
      const dockerfile = join(site.project, "Dockerfile");
      const wanted = "gevent==26.9.0 packaging==25.0 uvicorn-worker==0.4.0 websockets==15.0.1";
      const line = `RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: ${wanted}\n`;
      writeFileSync(dockerfile, readFileSync(dockerfile, "utf8").replace("\n# What development starts", `${line}\n# What development starts`));
      writeFileSync(join(site.project, "gunicorn.conf.py"), gunicornSettings);
      appendFileSync(join(site.project, "config/urls.py"), urls);
      appendFileSync(join(site.project, "config/asgi.py"), echo);
    };

    test("one that the image lacks fails `up` before the database is touched", async () => {
      await expect(site.upWith(site.appWith({ workerClass: "gevent" }))).rejects.toThrow(
        /django-release failed with exit code 1[^]*release: gunicorn has no worker class gevent: .*; add what it needs to the packages of the image/,
      );
      expect((await site.get("/healthz")).status).toBe(200);
      install();
    });

    test.each([
      ["sync", "sync"],
      ["gevent", "gevent"],
      ["uvicorn", "uvicorn_worker.UvicornWorker"],
    ])("%s: going over to it, and to new code on it, fails no request", async (workerClass, module) => {
      const result = await loadDuring(site, 20, async () => {
        await site.upWith(site.appWith({ workerClass }));
        appendFileSync(join(site.project, "movies/views.py"), `\n# ${workerClass}\n`);
        await site.upWith(site.appWith({ workerClass }));
      });
      expect([summarize(result.requests).failures, result.missing, result.doubled]).toEqual([{}, [], []]);
      const [replica] = site.containersOf("django");
      // Three workers of two replicas, and backups; with one for each request there would be dozens.
      expect(Number(query(site, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'django'"))).toBeLessThan(20);
      const log = logsOf(replica);
      expect(log).toContain(`Using worker: ${module}`);
      const workers = (pattern: RegExp) => [...log.matchAll(pattern)].map(([, pid]) => Number(pid)).sort((a, b) => a - b);
      const booted = workers(/Booting worker with pid: (\d+)/g);
      expect(booted).toHaveLength(3);
      expect(workers(/the project's hook in (\d+)/g)).toEqual(booted);
      const loaded = workers(/urls loaded in (\d+)/g);
      const preloads = workerClass === "sync";
      // Once, by the process that forks them, or by each of them.
      expect(loaded).toEqual(preloads ? workers(/Listening at: \S+ \((\d+)\)/g) : booted);
      const requested = booted.filter((pid) => log.includes(`request in ${pid}\n`));
      // Which of them the kernel gave one is chance; uvicorn doesn't know that hook.
      expect(requested.length > 0).toBe(workerClass !== "uvicorn");
      for (const pid of requested)
        expect(log.indexOf(`urls loaded in ${preloads ? loaded[0] : pid}\n`)).toBeLessThan(log.indexOf(`request in ${pid}\n`));
      expect((await site.get("/t/said?worker")).text).toMatch(/^- /);
    });

    test("uvicorn: a WebSocket works, is told of a deploy, and can be opened anew on the new version", async () => {
      // uvicorn asks every 20 seconds whether it is still there, which is the site's usual limit.
      const app = site.appWith({ workerClass: "uvicorn", requestGraceSeconds: 25 });
      await site.upWith(app);
      const open = () => WebSocketClient.open({ url: site.outputs.url, authority: site.authority }, "/ws/");
      const socket = await open();
      socket.send("hello");
      expect(await socket.next()).toEqual({ text: expect.stringMatching(/^hello [0-9a-f]{32}$/) });
      appendFileSync(join(site.project, "movies/views.py"), "\n# with a socket open\n");
      await site.upWith(app);
      // RFC 6455's registry: 1012 is a restart of the service.
      expect(await socket.next()).toEqual({ closed: 1012 });
      socket.close();
      const another = await open();
      another.send("again");
      expect(await another.next()).toEqual({ text: expect.stringMatching(/^again /) });
      another.close();
    });

    test("gthread: the request for a WebSocket is one for a page", async () => {
      await site.upWith({});
      await expect(WebSocketClient.open({ url: site.outputs.url, authority: site.authority }, "/healthz")).rejects.toThrow("HTTP/1.1 200 OK");
    });
  });
}
