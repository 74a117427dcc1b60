import { request } from "node:http";

const socketPath = (process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");

/** Calls the Docker Engine's API on its socket and returns the decoded answer; throws on a status of 400 or more. */
export function engineApi(method: string, path: string, body?: unknown, contentType = "application/json"): Promise<any> {
  return new Promise((resolve, reject) => {
    // A connection each: one kept from before is closed by the engine while a test waits for a command, and nobody would see it in time.
    const call = request({ socketPath, method, path, agent: false, headers: { "Content-Type": contentType } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) >= 400) return reject(new Error(`${method} ${path}: ${response.statusCode} ${text.trim()}`));
        resolve(text.trim().startsWith("{") || text.trim().startsWith("[") ? JSON.parse(text) : text);
      });
    });
    call.on("error", reject);
    call.end(body === undefined ? undefined : Buffer.isBuffer(body) ? body : JSON.stringify(body));
  });
}

/** Packs files into a tar archive as the provider packs its uploads: root's, with the mode that is asked for. */
export function tarArchive(files: readonly { readonly file: string; readonly content: string; readonly permissions?: string }[]): Buffer {
  const blocks = files.flatMap(({ file, content, permissions = "0644" }) => {
    const data = Buffer.from(content);
    const header = Buffer.alloc(512);
    const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, "0") + "\0";
    header.write(file.replace(/^\//, ""), 0);
    header.write(octal(Number.parseInt(permissions, 8), 8), 100);
    header.write(octal(0, 8), 108);
    header.write(octal(0, 8), 116);
    header.write(octal(data.length, 12), 124);
    header.write(octal(0, 12), 136);
    header.write("        0", 148);
    header.write("ustar\u000000", 257);
    header.write(
      octal(
        header.reduce((sum, byte) => sum + byte, 0),
        7,
      ) + " ",
      148,
    );
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
