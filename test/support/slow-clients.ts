import { request } from "node:https";
import type { Site } from "./site.ts";

/** Asks for a large answer and reads nothing of it for a while. */
export function slowDownload(site: Site, path: string, restMilliseconds: number): Promise<{ whole: boolean; bytes: number }> {
  return new Promise((resolve, reject) => {
    const call = request(connectionTo(site, path), (response) => {
      let bytes = 0;
      response.on("data", (chunk) => (bytes += chunk.length));
      response.on("error", () => resolve({ whole: false, bytes }));
      response.on("end", () => resolve({ whole: response.complete, bytes }));
      response.pause();
      setTimeout(() => response.resume(), restMilliseconds);
    });
    call.on("error", reject);
    call.end();
  });
}

/** Sends uploads at once, each but for its last byte until all are there, and returns the answers. */
export async function slowUploads(site: Site, path: string, count: number, bytes: number): Promise<string[]> {
  const uploads = Array.from({ length: count }, () => {
    const call = request({ ...connectionTo(site, path), method: "POST" });
    call.setHeader("Content-Length", bytes);
    const answer = new Promise<string>((resolve, reject) => {
      call.on("error", reject);
      call.on("response", (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve(text));
      });
    });
    return { call, answer, sent: new Promise<void>((resolve) => call.write(Buffer.alloc(bytes - 1), () => resolve())) };
  });
  await Promise.all(uploads.map(({ sent }) => sent));
  for (const { call } of uploads) call.end("x");
  return Promise.all(uploads.map(({ answer }) => answer));
}

/** Options of a request to a site on a connection of its own, as a browser on this machine would send it. */
export function connectionTo({ outputs, authority }: Site, path: string) {
  const { hostname, host, port } = new URL(outputs.url);
  return { host: "127.0.0.1", port, path, servername: hostname, ca: authority, agent: false as const, headers: { Host: host } };
}
