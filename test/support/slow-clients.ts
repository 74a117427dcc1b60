import { request } from "node:https";
import type { Visitor } from "../../bench/load/load.ts";
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

/** Reads a large answer in small pieces, a mebibyte a second, until `end`, and then the rest of it. */
export function trickledDownload(site: Site, path: string, end: Promise<unknown>): Promise<{ whole: boolean; bytes: number }> {
  return new Promise((resolve, reject) => {
    let hurries = false;
    void end.then(() => (hurries = true));
    const call = request(connectionTo(site, path), (response) => {
      let bytes = 0;
      response.on("data", (chunk) => {
        bytes += chunk.length;
        if (hurries) return;
        response.pause();
        setTimeout(() => response.resume(), chunk.length / 1024);
      });
      response.on("error", () => resolve({ whole: false, bytes }));
      response.on("end", () => resolve({ whole: response.complete, bytes }));
    });
    call.on("error", reject);
    call.end();
  });
}

/** Adds a movie by a request of which a byte a second comes in until `end`, and returns the answer's status. */
export async function trickledUpload(site: Site, { session, csrfToken }: Visitor, title: string, end: Promise<unknown>): Promise<number | undefined> {
  const { url } = site.outputs;
  const body = Buffer.from(JSON.stringify({ title, year: 1999 }).replace("}", `${" ".repeat(20_000)}}`));
  const { headers, ...connection } = connectionTo(site, "/api/movies/");
  const call = request({
    ...connection,
    method: "POST",
    headers: {
      ...headers,
      Cookie: `sessionid=${session}; csrftoken=${csrfToken}`,
      "X-CSRFToken": csrfToken,
      Origin: url,
      Referer: `${url}/`,
      "Content-Type": "application/json",
      "Content-Length": body.length,
    },
  });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    call.on("error", reject);
    call.on("response", (response) => resolve(response.resume().statusCode));
  });
  let sent = 0;
  const trickle = setInterval(() => call.write(body.subarray(sent, ++sent)), 1000);
  const sending = end.finally(() => clearInterval(trickle)).then(() => call.end(body.subarray(sent)));
  return (await Promise.all([answered, sending]))[0];
}

/** Options of a request to a site on a connection of its own, as a browser on this machine would send it. */
export function connectionTo({ outputs, authority }: Site, path: string) {
  const { hostname, host, port } = new URL(outputs.url);
  return { host: "127.0.0.1", port, path, servername: hostname, ca: authority, agent: false as const, headers: { Host: host } };
}
