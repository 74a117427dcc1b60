import { renderAddressLists, type AddressLists } from "./access.ts";

export interface DjangoLocationsArgs {
  /** Who may come in; `paths` by the beginning of the path. */
  readonly access: AddressLists & { readonly paths: Readonly<Record<string, AddressLists>> };
  /** Beginnings of paths whose answers nginx doesn't keep; undefined without a cache. */
  readonly uncachedPaths: readonly string[] | undefined;
}

/** Renders the locations that lead to Django: the whole site, and the paths that differ from it. */
export function renderDjangoLocations({ access, uncachedPaths }: DjangoLocationsArgs): string {
  const paths = [...new Set(["/", ...(uncachedPaths ?? []), ...Object.keys(access.paths)])].sort();
  return paths
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
