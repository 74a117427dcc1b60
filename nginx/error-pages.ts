/** What nginx itself has to tell a visitor; what Django answers with is Django's. */
const messages: Readonly<Record<number, { readonly title: string; readonly text: string }>> = {
  404: { title: "Not found", text: "There is nothing at this address." },
  413: { title: "Too large", text: "What you sent is larger than this site takes." },
  429: { title: "Too many requests", text: "You asked for too much at once. Wait a moment, then try again." },
  500: { title: "Something went wrong", text: "The fault is ours. Try again in a moment." },
  502: { title: "No answer", text: "The site can't answer just now. Try again in a moment." },
  503: { title: "Back soon", text: "The site is being worked on. Try again in a moment." },
  504: { title: "No answer in time", text: "This took longer than it may. Try again in a moment." },
};

export const pageStatuses: readonly number[] = Object.keys(messages).map(Number);

/** What an error page may do: show itself. */
export const errorPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Seconds after which a client may try again. */
const retryAfter: Readonly<Record<number, number>> = { 429: 10, 502: 5, 504: 5 };

/** Renders a page of plain HTML; it needs nothing else, for nothing else may work at that time. */
export function renderErrorPage(status: number): string {
  const { title, text } = messages[status];
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>${title}</title>
    <style>
      body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 20vh auto 0; padding: 0 1rem; color: #222; background: #fff; }
      h1 { font-size: 1.6rem; }
      @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } }
    </style>
  </head>
  <body>
    <h1>${title}</h1>
    <p>${text}</p>
  </body>
</html>
`;
}

/**
 * Renders which page answers which status, for a server.
 *
 * @param unavailableSeconds when to come again while the site is away.
 */
export function renderErrorLocations(unavailableSeconds: number): string {
  const seconds: Record<number, number> = { ...retryAfter, 503: unavailableSeconds };
  return pageStatuses
    .flatMap((status) => [
      `error_page ${status} /errors/${status}.html;`,
      `location = /errors/${status}.html {`,
      "    internal;",
      "    root /etc/nginx/stack/current;",
      // Whoever is kept out is told so, too.
      "    allow all;",
      "    auth_basic off;",
      "    include error-headers.conf;",
      ...(seconds[status] === undefined ? [] : [`    add_header Retry-After ${seconds[status]} always;`]),
      "}",
    ])
    .map((line) => `${line}\n`)
    .join("");
}
