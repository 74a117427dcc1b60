/**
 * Renders, for the http block, which request to change the protocol is passed on: a WebSocket's, and no other.
 *
 * Only over HTTP/1.1, as RFC 6455 has it: nothing of the connection's own may come in over HTTP/2 (RFC 9113, 8.2.2).
 */
export function renderWebSocketMaps(): string {
  return [
    'map "$server_protocol $http_upgrade" $web_socket {',
    '    default "";',
    '    "~*^HTTP/1\\.1 websocket$" websocket;',
    "}",
    "map $web_socket $upstream_connection {",
    '    default "";',
    "    websocket upgrade;",
    "}",
    "",
  ]
    .map((line) => (line === "" ? "\n" : `    ${line}\n`))
    .join("");
}

/** Renders what Django hears of the connection: it is kept, and with `webSockets` it may go over to that protocol. */
export function renderConnectionHeaders(webSockets: boolean): string {
  if (!webSockets) return 'proxy_set_header Connection "";';
  return "proxy_set_header Upgrade $web_socket;\nproxy_set_header Connection $upstream_connection;";
}
