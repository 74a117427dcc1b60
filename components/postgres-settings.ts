export interface PostgresSettingsArgs {
  /** Memory of its container, MiB. */
  readonly memory: number;
  readonly maxConnections: number;
  /** The user's own, by name; they count in place of these. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Returns the server's settings as arguments of `postgres`, from the memory that its container has.
 *
 * The shares are those that PGTune (github.com/le0pard/pgtune) gives a web application; the rest are Postgres' own defaults.
 */
export function renderPostgresSettings({ memory, maxConnections, settings: own }: PostgresSettingsArgs): string[] {
  const sharedBuffers = Math.floor(memory / 4);
  const settings: Record<string, string | number> = {
    max_connections: maxConnections,
    shared_buffers: megabytes(sharedBuffers),
    effective_cache_size: megabytes((memory * 3) / 4),
    maintenance_work_mem: megabytes(Math.min(2048, memory / 16)),
    // Each of a connection's sorts may take it; three at a time are reckoned with.
    work_mem: megabytes(Math.max(4, (memory - sharedBuffers) / (3 * maxConnections))),
    max_wal_size: megabytes(Math.min(4096, Math.max(1024, memory))),
    // Of a solid-state disk; the default of 4 is a turning one's.
    random_page_cost: 1.1,
    ...own,
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

function megabytes(value: number): string {
  return `${Math.floor(value)}MB`;
}

/** Returns the libraries that every server with this stack's data must load, as the setting has them; empty for none. */
export function preloadLibraries(settings: Readonly<Record<string, string>>): string {
  return settings.shared_preload_libraries ?? "";
}
