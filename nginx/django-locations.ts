import { renderAddressLists, type AddressLists } from "./access.ts";

export interface DjangoLocationsArgs {
  /** Who may come in; `paths` by the beginning of the path. */
  readonly access: AddressLists & { readonly paths: Readonly<Record<string, AddressLists>> };
  /** Beginnings of paths whose answers nginx doesn't keep; undefined without a cache. */
  readonly uncachedPaths: readonly string[] | undefined;
}

/** Renders the locations that lead to Django: the whole site, and the paths that differ from it. */
export function renderDjangoLocations({ access, uncachedPaths }: DjangoLocationsArgs): string {
  return ["/", ...differentPaths({ access, uncachedPaths })]
    .map((path) => {
      const cached = uncachedPaths !== undefined && !uncachedPaths.some((other) => path.startsWith(other));
      const lists = listsFor(path, access);
      // ^~: no regular expression of a snippet gets in before a path's lists.
      return [
        "",
        `location ${path === "/" ? "/" : `^~ ${path}`} {`,
        ...lists.split("\n").flatMap((line) => (line === "" ? [] : [`    ${line}`])),
        "    include proxy.conf;",
        ...(cached ? ["    include cache.conf;"] : []),
        "}",
        "",
      ].join("\n");
    })
    .join("");
}

/**
 * Renders which requests none of these locations passes on, where there is more than one.
 *
 * nginx chooses by the path that it has put in order, and Django gets the path as it was sent: `/internal/..%2fx` would be `/x` to the lists, and
 * still begin with `/internal/` for Django.
 */
export function renderClimbing(args: DjangoLocationsArgs): string {
  if (differentPaths(args).length === 0) return "";
  return 'if ($request_uri ~* "^[^?]*(?:/|%2f)(?:\\.|%2e){2}(?:/|%2f|[?#]|$)") {\n    return 404;\n}\n';
}

function differentPaths({ access, uncachedPaths }: DjangoLocationsArgs): string[] {
  return [...new Set([...(uncachedPaths ?? []), ...Object.keys(access.paths)])].filter((path) => path !== "/").sort();
}

/**
 * Renders the lists of a path with some of its own, or below one: nginx forgets the site's there.
 *
 * Whoever is denied above stays denied; of the allow lists the nearest one counts.
 */
function listsFor(path: string, access: DjangoLocationsArgs["access"]): string {
  const above = Object.keys(access.paths)
    .filter((other) => path.startsWith(other))
    .sort((a, b) => b.length - a.length);
  if (above.length === 0) return "";
  const chain = [...above.map((other) => access.paths[other]), access];
  return renderAddressLists({
    deny: [...new Set(chain.flatMap(({ deny }) => deny))],
    allow: chain.find(({ allow }) => allow.length > 0)?.allow ?? [],
  });
}
