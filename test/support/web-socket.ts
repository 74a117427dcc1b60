import { randomBytes } from "node:crypto";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ClientArgs } from "./client.ts";

/** What came over a WebSocket: a text, or the code that it was closed with; 1006 where the connection just ended. */
export type Message = { readonly text: string } | { readonly closed: number };

const opcodes = { text: 1, close: 8, ping: 9, pong: 10 };

/** A WebSocket (RFC 6455) to a site of this machine, under the site's own name; for messages of up to 125 bytes. */
export class WebSocketClient {
  private readonly socket: Socket;
  private received = Buffer.alloc(0);
  /** First line of the answer, once it is there. */
  private status: string | undefined;
  private readonly messages: Message[] = [];
  private wake = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.read();
      this.wake();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.messages.push({ closed: 1006 });
      this.wake();
    });
  }

  /** Opens one; rejects with the status line of any other answer than 101. */
  static async open({ url, authority }: ClientArgs, path: string): Promise<WebSocketClient> {
    const { protocol, hostname, port, host } = new URL(url);
    const secure = protocol === "https:";
    const place = { host: "127.0.0.1", port: Number(port || (secure ? 443 : 80)) };
    const client = new WebSocketClient(secure ? connectTls({ ...place, servername: hostname, ca: authority }) : connectPlain(place));
    const key = randomBytes(16).toString("base64");
    const head = [`GET ${path} HTTP/1.1`, `Host: ${host}`, "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Key: ${key}`];
    client.socket.write(`${[...head, "Sec-WebSocket-Version: 13", `Origin: ${url}`].join("\r\n")}\r\n\r\n`);
    while (client.status === undefined && client.messages.length === 0) await client.change();
    if (!client.status?.startsWith("HTTP/1.1 101 ")) {
      client.close();
      throw new Error(client.status ?? "no answer");
    }
    return client;
  }

  send(text: string): void {
    this.sendFrame(opcodes.text, Buffer.from(text));
  }

  /** Returns what comes next, or has come already. */
  async next(): Promise<Message> {
    for (;;) {
      const message = this.messages.shift();
      if (message !== undefined) return message;
      await this.change();
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  private sendFrame(opcode: number, data: Buffer): void {
    const mask = randomBytes(4);
    const masked = data.map((byte, index) => byte ^ mask[index % 4]);
    this.socket.write(Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | data.length]), mask, masked]));
  }

  private read(): void {
    if (this.status === undefined) {
      const end = this.received.indexOf("\r\n\r\n");
      if (end === -1) return;
      [this.status] = this.received.subarray(0, end).toString().split("\r\n");
      this.received = this.received.subarray(end + 4);
    }
    if (!this.status.includes(" 101 ")) return;
    while (this.received.length >= 2 && this.received.length >= 2 + this.received[1]) {
      const [opcode, length] = [this.received[0] & 0x0f, this.received[1]];
      const data = Buffer.from(this.received.subarray(2, 2 + length));
      this.received = this.received.subarray(2 + length);
      if (opcode === opcodes.text) this.messages.push({ text: data.toString() });
      // Whoever doesn't answer is taken for gone.
      else if (opcode === opcodes.ping) this.sendFrame(opcodes.pong, data);
      else if (opcode === opcodes.close) this.messages.push({ closed: length >= 2 ? data.readUInt16BE(0) : 1005 });
    }
  }
}
