// The load's own process: its arguments come as a line of JSON, the end of its input stops it, its results are a line of JSON.
import { load, type LoadArgs } from "./load.ts";

let text = "";
let stopped = false;
process.stdin.setEncoding("utf8");
process.stdin.on("end", () => (stopped = true));
const args = await new Promise<LoadArgs>((resolve) => {
  process.stdin.on("data", (chunk) => {
    text += chunk;
    if (text.includes("\n")) resolve(JSON.parse(text));
  });
});
const results = await load(args, () => stopped);
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));
