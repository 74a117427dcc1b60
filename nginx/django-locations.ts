import { renderAddressLists, type AddressLists } from "./access.ts";

export interface DjangoLocationsArgs {
  /** Who may come in, by the beginning of the path; the rest is the site's own lists. */
  readonly accessPaths: Readonly<Record<string, AddressLists>>;
  /** Beginnings of paths whose answers nginx doesn't keep; undefined without a cache. */
  readonly uncachedPaths: readonly string[] | undefined;
}

/** Renders the locations that lead to Django: the whole site, and the paths that differ from it. */
export function renderDjangoLocations({ accessPaths, uncachedPaths }: DjangoLocationsArgs): string {
  const paths = [...new Set(["/", ...(uncachedPaths ?? []), ...Object.keys(accessPaths)])].sort();
  return paths
    .map((path) => {
      const cached = uncachedPaths !== undefined && !uncachedPaths.some((other) => path.startsWith(other));
      // The longest one that fits has its own lists, or those of the nearest path above it.
      const listed = Object.keys(accessPaths)
        .filter((other) => path.startsWith(other))
        .sort((a, b) => b.length - a.length)[0];
      const lists = listed === undefined ? "" : renderAddressLists(accessPaths[listed]);
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
