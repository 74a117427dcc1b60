/** Which answers nginx keeps, and for how long. */
export interface CacheArgs {
  /** How long an answer is kept that doesn't say it itself, in minutes. */
  readonly minutes: number;
  /** Another number drops everything at once. */
  readonly version: number;
  /** Size of the cache on its volume, as nginx writes it. */
  readonly maxSize: string;
  /** Cookies that mark a visitor as somebody, or by which pages differ: whoever sends one is never answered from the cache. */
  readonly sessionCookies: readonly string[];
  /** Beginnings of paths that are never kept. */
  readonly exceptPaths: readonly string[];
}

/** Where nginx may write as much as it needs: a volume of its own, for kept answers and for what is on its way. */
export const cacheVolumePath = "/var/cache/stack";

/**
 * Django's own cookies by which a page differs: LocaleMiddleware picks its language by the first and says nothing of that in Vary, and in the other
 * a message waits for the next page that shows it.
 */
const djangoCookies = ["django_language", "messages"];

/** Renders the cache itself, for the http block, and which visitors' cookies keep them from it. */
export function renderCacheZone({ maxSize, sessionCookies }: CacheArgs): string {
  const names = [...new Set([...sessionCookies, ...djangoCookies])].map((name) => name.replaceAll(".", "\\."));
  return [
    // Of several with one name Django takes the last, and nginx's own variables the first: any of them counts, however it is written.
    "map $http_cookie $known_visitor {",
    '    default "";',
    `    "~*(?:^|[^\\w.-])(?:${names.join("|")})[^\\w.;-]*=[^;]" 1;`,
    "}",
    "",
    // A megabyte of keys holds about 8,000; what nobody asked for in a day goes.
    `proxy_cache_path ${cacheVolumePath}/pages levels=1:2 keys_zone=kept_pages:10m max_size=${maxSize} inactive=1d use_temp_path=off;`,
    "",
  ]
    .map((line) => (line === "" ? "\n" : `    ${line}\n`))
    .join("");
}

export interface CacheUseArgs {
  /** Short id of the release. */
  readonly release: string;
  /** nginx's variable with the scheme that the client used. */
  readonly scheme: string;
  readonly webSockets: boolean;
}

/** Renders how a location uses the cache; it includes the headers, which its own would otherwise take the place of. */
export function renderCacheUse(args: CacheArgs, { release, scheme, webSockets }: CacheUseArgs): string {
  // A WebSocket begins with a GET, and would keep the lock of its path as long as it lasts.
  const somebody = ["$known_visitor", "$http_authorization", ...(webSockets ? ["$web_socket"] : [])].join(" ");
  return [
    "# Answers to GET and HEAD that set no cookie; what they say in Cache-Control, Expires and Vary counts before this.",
    "proxy_cache kept_pages;",
    // Pages name the static files of their release, so each release begins with an empty cache.
    `proxy_cache_key "${scheme}|$host|$request_uri|${args.version}|${release}";`,
    `proxy_cache_valid 200 301 ${args.minutes}m;`,
    `proxy_cache_bypass ${somebody};`,
    `proxy_no_cache ${somebody};`,
    "# Of many who ask for a page at once, one asks Django. Not for long: what turns out not to be kept is asked for one by one.",
    "proxy_cache_lock on;",
    "proxy_cache_lock_timeout 3s;",
    "proxy_cache_background_update on;",
    "proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;",
    "proxy_cache_revalidate on;",
    "proxy_hide_header X-Cache;",
    "include headers.conf;",
    "add_header X-Cache $upstream_cache_status always;",
    "",
  ].join("\n");
}
