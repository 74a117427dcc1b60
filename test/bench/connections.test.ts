import { once } from "node:events";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connections, type Kind } from "../../bench/load/connections.ts";
import { signedCertificate } from "../support/certificates.ts";

const { chain, authority, privateKey } = signedCertificate(["movies.localhost"]);
let server: Http2SecureServer;
let connections: Connections;
let opened = 0;
let clock = 0;

beforeEach(async () => {
  [opened, clock] = [0, 0];
  vi.spyOn(performance, "now").mockImplementation(() => clock);
  server = createSecureServer({ cert: chain, key: privateKey, allowHTTP1: true }, (_, response) => void response.end("ok"));
  server.on("secureConnection", () => opened++);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `https://movies.localhost:${(server.address() as AddressInfo).port}`;
  connections = new Connections({ url, authority, kept: 1, patienceMilliseconds: 5000 });
});
afterEach(() => {
  connections.close();
  server.close();
});

/** Sends one request after the other, each so many milliseconds after the answer to the one before, and returns how many connections that took. */
async function connectionsFor(kind: Kind, ...rests: number[]): Promise<number> {
  for (const rest of [0, ...rests]) {
    clock += rest;
    expect((await connections.send(kind, { method: "GET", path: "/", headers: {} })).text).toBe("ok");
  }
  return opened;
}

test.each<[Kind, number]>([
  ["HTTP/1.1 keep-alive", 1],
  ["HTTP/1.1 fresh", 3],
  ["HTTP/2 keep-alive", 1],
  ["HTTP/2 fresh", 3],
])("%s: three requests in the time that it is kept take %i", async (kind, expected) => {
  expect(await connectionsFor(kind, 4700, 4700)).toBe(expected);
});

test.each<Kind>(["HTTP/1.1 keep-alive", "HTTP/2 keep-alive"])("%s: one that rested too long isn't used again", async (kind) => {
  expect(await connectionsFor(kind, 4800, 0, 4800)).toBe(3);
});
