import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  readonly text: string;
}

export interface ClientArgs {
  /** URL of the site; its name needn't resolve, every request goes to 127.0.0.1. */
  readonly url: string;
  /** Port of 127.0.0.1 to connect to. @default - the URL's own */
  readonly port?: number | undefined;
  /** Address to connect to. @default 127.0.0.1 */
  readonly address?: string | undefined;
  /** Certificate of the authority to trust, PEM. */
  readonly authority?: string | undefined;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly host?: string;
}

/** A small HTTP client with cookies that talks to a site of this machine under the site's own name. */
export class Client {
  private readonly args: ClientArgs;
  readonly cookies = new Map<string, string>();

  constructor(args: ClientArgs) {
    this.args = args;
  }

  request(path: string, { method = "GET", headers = {}, body, host }: RequestOptions = {}): Promise<Answer> {
    const absolute = /^https?:/.test(path);
    const url = new URL(absolute ? path : this.args.url);
    const secure = url.protocol === "https:";
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const options = {
      host: this.args.address ?? "127.0.0.1",
      port: this.args.port ?? (url.port === "" ? (secure ? 443 : 80) : Number(url.port)),
      // As it was given: a URL would tidy up dots and slashes.
      path: absolute ? url.pathname + url.search : path,
      method,
      servername: url.hostname,
      ca: this.args.authority,
      agent: false as const,
      timeout: 40_000,
      headers: { Host: host ?? url.host, ...(cookie === "" ? {} : { Cookie: cookie }), ...headers },
    };
    return new Promise((resolve, reject) => {
      const call = (secure ? secureRequest : plainRequest)(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("error", reject);
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => {
          for (const line of response.headers["set-cookie"] ?? []) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
            if (name !== undefined) this.cookies.set(name, value);
          }
          const content = Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: content, text: content.toString() });
        });
      });
      call.on("timeout", () => call.destroy(new Error("no answer within 40 s")));
      call.on("error", reject);
      call.end(body);
    });
  }

  /** Logs in through the admin's form and returns the answer to the POST. */
  async login(username: string, password: string): Promise<Answer> {
    const page = await this.request("/admin/login/?next=/admin/");
    const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    const origin = new URL(this.args.url).origin;
    const body = new URLSearchParams({ username, password, csrfmiddlewaretoken: token, next: "/admin/" }).toString();
    return this.request("/admin/login/", {
      method: "POST",
      body,
      headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: origin, Referer: `${origin}/admin/login/` },
    });
  }

  /** Sends form fields and files as a browser's form does, with the CSRF token of the session. */
  async postForm(
    path: string,
    fields: Record<string, string>,
    files: Record<string, { name: string; type: string; content: Buffer }> = {},
  ): Promise<Answer> {
    const boundary = "----django-stack-test";
    const parts = [
      ...Object.entries(fields).map(([name, value]) =>
        Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
      ),
      ...Object.entries(files).flatMap(([field, { name, type, content }]) => [
        Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`),
        content,
        Buffer.from("\r\n"),
      ]),
      Buffer.from(`--${boundary}--\r\n`),
    ];
    const origin = new URL(this.args.url).origin;
    return this.request(path, {
      method: "POST",
      body: Buffer.concat(parts),
      headers: {
        "Content-Type": `multipart/form-data; boundary=${boundary}`,
        "X-CSRFToken": this.cookies.get("csrftoken") ?? "",
        Origin: origin,
        Referer: `${origin}/`,
      },
    });
  }
}
