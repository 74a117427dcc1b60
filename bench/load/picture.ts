import type { Sent } from "./load.ts";

export interface Panel {
  readonly title: string;
  readonly requests: readonly Sent[];
  /** When the change began and ended, in milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
}

const width = 760;
const height = 150;
const margin = { left: 56, right: 16, top: 34, bottom: 26 };

/** Draws, one panel a deploy, the requests of each second: those answered as they should, and those that failed; an SVG. */
export function drawRollouts(panels: readonly Panel[]): string {
  const seconds = Math.max(...panels.map(({ requests }) => secondsOf(requests).length));
  const most = Math.max(...panels.flatMap(({ requests }) => secondsOf(requests).map(({ answered, failed }) => answered + failed)));
  const total = panels.length * (height + margin.top + margin.bottom) + 30;
  const drawn = panels.map((panel, index) => drawPanel(panel, index * (height + margin.top + margin.bottom), seconds, most));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" font-family="system-ui, sans-serif" font-size="12">
<rect width="${width}" height="${total}" fill="#ffffff"/>
${drawn.join("\n")}
<g transform="translate(${margin.left}, ${total - 22})">
<rect width="12" height="12" fill="#2e7d5b"/><text x="18" y="10">answered</text>
<rect x="100" width="12" height="12" fill="#c62828"/><text x="118" y="10">failed</text>
<rect x="190" width="12" height="12" fill="#b9c9d8"/><text x="208" y="10">the deploy</text>
<text x="${width - margin.left - margin.right}" y="10" text-anchor="end">seconds, requests a second</text>
</g>
</svg>
`;
}

function drawPanel({ title, requests, from, to }: Panel, top: number, seconds: number, most: number): string {
  const start = requests[0].due;
  const step = (width - margin.left - margin.right) / seconds;
  const scale = (count: number) => (count / most) * height;
  const bars = secondsOf(requests).map(({ answered, failed }, second) => {
    const x = (margin.left + second * step).toFixed(1);
    const bar = (count: number, below: number, colour: string) =>
      count === 0
        ? ""
        : `<rect x="${x}" y="${(top + margin.top + height - scale(below + count)).toFixed(1)}" width="${(step * 0.86).toFixed(1)}" height="${scale(count).toFixed(1)}" fill="${colour}"/>`;
    return bar(answered, 0, "#2e7d5b") + bar(failed, answered, "#c62828");
  });
  const at = (time: number) => margin.left + ((time - start) / 1000) * step;
  const base = top + margin.top + height;
  const marks = Array.from({ length: Math.floor(seconds / 10) + 1 }, (_, index) => index * 10);
  return [
    `<text x="${margin.left}" y="${top + 20}" font-size="14" font-weight="600">${title}</text>`,
    `<rect x="${at(from).toFixed(1)}" y="${top + margin.top - 8}" width="${(at(to) - at(from)).toFixed(1)}" height="${height + 8}" fill="#b9c9d8"/>`,
    ...bars,
    `<line x1="${margin.left}" y1="${base}" x2="${width - margin.right}" y2="${base}" stroke="#333"/>`,
    `<text x="${margin.left - 8}" y="${top + margin.top + 10}" text-anchor="end">${most}</text><text x="${margin.left - 8}" y="${base}" text-anchor="end">0</text>`,
    ...marks.map((second) => `<text x="${(margin.left + second * step).toFixed(1)}" y="${base + 15}" text-anchor="middle">${second}</text>`),
  ].join("\n");
}

function secondsOf(requests: readonly Sent[]): { answered: number; failed: number }[] {
  const start = requests[0].due;
  const result: { answered: number; failed: number }[] = [];
  for (const { due, failure } of requests) {
    const second = Math.floor((due - start) / 1000);
    while (result.length <= second) result.push({ answered: 0, failed: 0 });
    result[second][failure === undefined ? "answered" : "failed"]++;
  }
  return result;
}
