import { describe, expect, test } from "vitest";
import { renderNginxConfig, type NginxConfigArgs } from "../../nginx/render.ts";
import { nginxArgs } from "../support/nginx-args.ts";

const render = (change: Partial<NginxConfigArgs> = {}) => renderNginxConfig({ ...nginxArgs, ...change }).files;
const cache = { minutes: 10, version: 3, maxSize: "256m", sessionCookies: ["sessionid", "other"], exceptPaths: ["/admin/"] };
const limits = { requestsPerSecond: 100, burst: 200, loginAttemptsPerMinute: 10, loginPaths: ["/admin/login/", "/*/login.html"], connections: 50 };

/** What a change adds to and takes from nginx.conf. */
function difference(change: Partial<NginxConfigArgs>): string[] {
  const lines = (text: string) => text.split("\n").filter((line) => line.trim() !== "" && !line.includes("return 200"));
  const [before, after] = [lines(render()["nginx.conf"]), lines(render(change)["nginx.conf"])];
  return [...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`), ...after.filter((line) => !before.includes(line))];
}

test("what leads to Django, word for word", () => {
  expect(render()["proxy.conf"]).toMatchInlineSnapshot(`
    "# What every location that leads to Django has in common.
    proxy_pass http://django;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header X-Forwarded-Port 443;
    # The same in other words: nobody here says it so, and what a client says doesn't count.
    proxy_set_header Forwarded "";
    proxy_set_header X-Forwarded-Prefix "";
    proxy_set_header X-Forwarded-Protocol "";
    proxy_set_header X-Forwarded-Server "";
    proxy_set_header X-Forwarded-Ssl "";
    proxy_set_header X-Request-ID $request_id;
    proxy_connect_timeout 2s;
    proxy_read_timeout 30s;
    proxy_send_timeout 30s;
    # Django may set several cookies of 4 KB in one answer (session, messages), and nginx's own 4k for all headers would make that a 502.
    proxy_buffer_size 16k;
    proxy_buffers 8 8k;
    # Another replica gets a request that this one never answered, but no request that may change something once it was sent.
    # Statuses don't count: a 503 while the database is away says nothing against the replica.
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 3;
    proxy_next_upstream_timeout 5s;
    proxy_hide_header X-Release;
    proxy_hide_header X-Content-Type-Options;
    proxy_hide_header X-Frame-Options;
    proxy_hide_header Referrer-Policy;
    proxy_hide_header X-XSS-Protection;
    proxy_hide_header Cross-Origin-Opener-Policy;
    proxy_hide_header Cross-Origin-Resource-Policy;
    proxy_hide_header X-Permitted-Cross-Domain-Policies;
    proxy_hide_header X-DNS-Prefetch-Control;
    proxy_hide_header Permissions-Policy;
    proxy_hide_header Content-Security-Policy;
    proxy_hide_header Strict-Transport-Security;
    "
  `);
});

describe("the cache", () => {
  test("knows a visitor by a cookie's name, whatever is around it, and by no other cookie", () => {
    const { "nginx.conf": main } = render({ cache: { ...cache, sessionCookies: ["sessionid", "__Secure-session.id"] } });
    const known = new RegExp(/map \$http_cookie \$known_visitor \{\n {8}default "";\n {8}"~\*(.+)" 1;\n {4}\}/.exec(main)?.[1] ?? "no such map", "i");
    const cookies = [
      "sessionid=a",
      "a=b; sessionid=c",
      "sessionid=; sessionid=a",
      "a=b;\xa0sessionid = c",
      "__Secure-session.id=a",
      "b; django_language=de",
      "messages=W10",
    ];
    for (const cookie of cookies) expect([cookie, known.test(cookie)]).toEqual([cookie, true]);
    const others = [
      "",
      "sessionid=",
      "sessionid=; a=b",
      "my_sessionid=a",
      "sessionid2=a",
      "a.sessionid=b",
      "__Secure-sessionXid=a",
      "a=django_language",
      "my.messages=1",
    ];
    for (const cookie of others) expect([cookie, known.test(cookie)]).toEqual([cookie, false]);
  });

  test("word for word", () => {
    expect(difference({ cache })).toMatchInlineSnapshot(`
      [
        "    map $http_cookie $known_visitor {",
        "        default "";",
        "        "~*(?:^|[^\\w.-])(?:sessionid|other|django_language|messages)[^\\w.;-]*=[^;]" 1;",
        "    proxy_cache_path /var/cache/stack/pages levels=1:2 keys_zone=kept_pages:10m max_size=256m inactive=1d use_temp_path=off;",
      ]
    `);
    expect(render({ cache })["cache.conf"]).toMatchInlineSnapshot(`
      "# Answers to GET and HEAD that set no cookie; what they say in Cache-Control, Expires and Vary counts before this.
      proxy_cache kept_pages;
      proxy_cache_key "$scheme|$host|$request_uri|3|a1b2c3d4e5f6";
      proxy_cache_valid 200 301 10m;
      proxy_cache_bypass $known_visitor $http_authorization;
      proxy_no_cache $known_visitor $http_authorization;
      # Of many who ask for a page at once, one asks Django. Not for long: what turns out not to be kept is asked for one by one.
      proxy_cache_lock on;
      proxy_cache_lock_timeout 3s;
      proxy_cache_background_update on;
      proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
      proxy_cache_revalidate on;
      proxy_hide_header X-Cache;
      include headers.conf;
      add_header X-Cache $upstream_cache_status always;
      "
    `);
  });

  test("is used everywhere but below the paths that are left out", () => {
    expect(render({ cache })["locations.conf"]).toContain(
      "\nlocation / {\n    include proxy.conf;\n    include cache.conf;\n}\n\nlocation ^~ /admin/ {\n    include proxy.conf;\n}\n",
    );
    const paths = { "/admin/reports/": { allow: ["10.0.0.0/8"], deny: [] }, "/api/": { allow: [], deny: ["192.0.2.1"] } };
    const { "locations.conf": both } = render({ cache, access: { allow: [], deny: [], paths } });
    expect(both).toContain("location ^~ /admin/reports/ {\n    allow 10.0.0.0/8;\n    deny all;\n    include proxy.conf;\n}");
    expect(both).toContain("location ^~ /api/ {\n    deny 192.0.2.1;\n    include proxy.conf;\n    include cache.conf;\n}");
  });

  test("is told apart by release and version, and by the scheme that an outer proxy gives", () => {
    expect(render({ cache, release: "ffffffffffff" })["cache.conf"]).toContain("|3|ffffffffffff");
    const outer = render({ cache, tls: "outer", httpsPort: undefined, trustedProxies: ["10.0.0.1"] });
    expect(outer["cache.conf"]).toContain('proxy_cache_key "$client_scheme|$host|');
  });

  test("isn't there when it is off", () => {
    expect(Object.keys(render())).not.toContain("cache.conf");
    expect(JSON.stringify(render())).not.toContain("proxy_cache");
  });
});

test("where parts of the site differ, none is reached by a path that climbs out of another", () => {
  const access = { allow: [], deny: [], paths: { "/internal/": { allow: ["10.0.0.0/8"], deny: [] } } };
  const line = /^if \(\$request_uri ~\* "(.+)"\) \{\n {4}return 404;\n\}$/m;
  expect(render()["proxy.conf"]).not.toContain("$request_uri");
  for (const change of [{ access }, { cache }]) {
    const climbs = new RegExp(line.exec(render(change)["proxy.conf"])?.[1] ?? "no such line", "i");
    for (const path of ["/internal/../", "/internal/..", "/internal/..%2fx", "/internal/%2E%2e/x", "/internal%2F.%2e?x", "/internal/..#x"]) {
      expect([path, climbs.test(path)]).toEqual([path, true]);
    }
    for (const path of ["/", "/internal/...", "/internal/a..b/", "/internal/..a", "/x?next=/../y", "/.well-known/x", "/a./b"]) {
      expect([path, climbs.test(path)]).toEqual([path, false]);
    }
  }
});

describe("limits", () => {
  test("word for word", () => {
    expect(difference({ limits, gateways: ["172.18.0.1", "fd00::1"] })).toMatchInlineSnapshot(`
      [
        "    # Over IPv6 a client has as many addresses as it likes, in a network of its own: the first half of the address counts.",
        "    map $remote_addr $client_network {",
        "        default $binary_remote_addr;",
        "        "~^(?<client_prefix>(?:[0-9a-f]+:){1,3}:|(?:[0-9a-f]+:){4})" $client_prefix;",
        "    # Clients that Docker's proxy hides behind one address aren't taken for one; attempts to log in are all the same.",
        "    geo $counted {",
        "        default 1;",
        "        172.18.0.1 0;",
        "        fd00::1 0;",
        "    map $counted $client {",
        "        default "";",
        "        1 $client_network;",
        "    limit_req_zone $client zone=requests:10m rate=100r/s;",
        "    limit_conn_zone $client zone=connections:10m;",
        "    map "$request_method $uri" $login_client {",
        "        default "";",
        "        "POST /admin/login/" $client_network;",
        "        "~^POST /[^/]+/login\\.html$" $client_network;",
        "    limit_req_zone $login_client zone=logins:10m rate=10r/m;",
        "    limit_req_status 429;",
        "    limit_conn_status 429;",
        "    limit_req_log_level warn;",
        "    limit_conn_log_level warn;",
      ]
    `);
    expect(render({ limits })["proxy.conf"].split("proxy_pass")[0]).toMatchInlineSnapshot(`
      "# What every location that leads to Django has in common.
      limit_req zone=requests burst=200 nodelay;
      limit_req zone=logins burst=5 nodelay;
      limit_conn connections 50;
      "
    `);
  });

  test("one alone, and none", () => {
    const none = { ...limits, requestsPerSecond: undefined, connections: undefined, loginAttemptsPerMinute: undefined };
    const only = (change: Partial<typeof limits>) => difference({ limits: { ...none, ...change } }).join("\n");
    expect(only({ connections: 50 })).toContain("limit_conn_zone $client");
    expect(only({ connections: 50 })).not.toContain("limit_req_zone");
    expect(only({ loginAttemptsPerMinute: 5 })).not.toContain("geo $counted");
    expect(only({})).toBe("");
  });
});

describe("who may come in", () => {
  test("the site's lists: denied first, then allowed, and nobody else", () => {
    const access = { allow: ["10.0.0.0/8", "2001:db8::/32"], deny: ["10.0.0.66"], paths: {} };
    expect(render({ access })["locations.conf"].split("include errors.conf;")[0]).toBe(
      "deny 10.0.0.66;\nallow 10.0.0.0/8;\nallow 2001:db8::/32;\ndeny all;\n",
    );
    expect(render({ access: { ...access, allow: [] } })["locations.conf"].split("include errors.conf;")[0]).toBe("deny 10.0.0.66;\n");
  });

  test("a path's lists narrow the site's: who is denied above stays denied, and without an allow list the nearest one above counts", () => {
    const paths = {
      "/admin/": { allow: ["192.0.2.0/24"], deny: [] },
      "/admin/reports/": { allow: [], deny: ["192.0.2.9"] },
      "/api/": { allow: [], deny: ["10.9.9.9"] },
    };
    const { "locations.conf": text } = render({ access: { allow: ["10.0.0.0/8"], deny: ["10.0.0.66"], paths } });
    const lists = (path: string) => text.split(`location ^~ ${path} {\n`)[1].split("    include proxy.conf;")[0];
    expect(lists("/admin/")).toBe("    deny 10.0.0.66;\n    allow 192.0.2.0/24;\n    deny all;\n");
    expect(lists("/admin/reports/")).toBe("    deny 192.0.2.9;\n    deny 10.0.0.66;\n    allow 192.0.2.0/24;\n    deny all;\n");
    expect(lists("/api/")).toBe("    deny 10.9.9.9;\n    deny 10.0.0.66;\n    allow 10.0.0.0/8;\n    deny all;\n");
  });

  test("whoever is kept out still gets a page that says why", () => {
    for (const page of render()["errors.conf"].split("error_page").slice(1)) expect(page).toContain("    allow all;\n    auth_basic off;\n");
  });

  test("basic auth names a file that isn't part of what is shown, and another password is another configuration", () => {
    const of = (passwordVersion: number) => renderNginxConfig({ ...nginxArgs, basicAuth: { username: "staging", passwordVersion } });
    expect(of(1).files["locations.conf"]).toContain('auth_basic "private";\nauth_basic_user_file passwords;\n');
    expect(Object.keys(of(1).files)).not.toContain("passwords");
    expect(of(1).id).not.toBe(of(2).id);
  });
});

test("maintenance turns everybody away from Django but those it lets in", () => {
  const change = { maintenance: { allow: ["192.0.2.7"], retryAfterSeconds: 600 } };
  expect(difference(change)).toEqual(["    geo $turned_away {", "        default 1;", "        192.0.2.7 0;"]);
  expect(render(change)["proxy.conf"]).toContain("if ($turned_away) {\n    return 503;\n}\n");
  expect(render(change)["errors.conf"]).toContain("add_header Retry-After 600 always;");
  expect(render()["proxy.conf"]).not.toContain("return");
});

test("a page for each status that nginx itself answers with, which needs nothing else", () => {
  const files = render();
  for (const status of [404, 413, 429, 500, 502, 503, 504]) {
    expect(files["errors.conf"]).toContain(`error_page ${status} /errors/${status}.html;`);
    expect(files[`errors/${status}.html`]).toMatch(/^<!doctype html>[^]*<h1>[A-Z][a-z ]+<\/h1>[^]*<\/html>\n$/);
    expect(files[`errors/${status}.html`]).not.toMatch(/src=|href=|<script|http:/);
  }
  expect(files["errors.conf"].match(/Retry-After \d+/g)).toEqual(["Retry-After 10", "Retry-After 5", "Retry-After 5", "Retry-After 5"]);
  expect(files["error-headers.conf"]).toContain("default-src 'none'; style-src 'unsafe-inline'");
  expect(files["error-headers.conf"]).toContain("Strict-Transport-Security");
});

test("the balancing", () => {
  expect(render()["nginx.conf"]).toContain("        least_conn;\n        server ");
  expect(difference({ balancing: "ip_hash" })).toEqual(expect.arrayContaining(["-         least_conn;", "        ip_hash;"]));
  expect(difference({ balancing: "round_robin" })).toEqual(["-         least_conn;", "-         least_conn;"]);
});

test("robots.txt, private uploads and directives of one's own", () => {
  const snippets = { http: "# mine\n", server: "# also mine\n" };
  const files = render({ robots: "User-agent: *\nDisallow: /\n", privateMedia: "private", snippets });
  expect(files["robots.txt"]).toBe("User-agent: *\nDisallow: /\n");
  expect(files["locations.conf"]).toContain("location = /robots.txt {\n    root /etc/nginx/stack/current;\n}\n");
  expect(files["locations.conf"]).toContain("location /media/private/ {\n    internal;\n    root /vol/web;\n    include media-headers.conf;\n");
  expect([files["snippet-http.conf"], files["snippet-server.conf"]]).toEqual(["# mine\n", "# also mine\n"]);
  expect(files["locations.conf"].startsWith("include snippet-server.conf;\n")).toBe(true);
  expect(files["nginx.conf"]).toContain("    include snippet-http.conf;\n\n    include site-https.conf;\n");
});

test("what the status of connections is for is answered to this container alone", () => {
  expect(render()["nginx.conf"]).toContain("listen 127.0.0.1:8081;");
  expect(render()["nginx.conf"]).toContain(
    "        location = /status {\n            allow 127.0.0.1;\n            deny all;\n            stub_status;\n",
  );
});
