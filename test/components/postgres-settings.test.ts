import { expect, test } from "vitest";
import { preloadLibraries, renderPostgresSettings } from "../../components/postgres-settings.ts";

const settings = (memory: number, maxConnections = 100, own = {}) =>
  Object.fromEntries(
    renderPostgresSettings({ memory, maxConnections, settings: own })
      .filter((word) => word !== "-c")
      .map((word) => word.split("=")),
  );

test("of a small server", () => {
  expect(settings(512)).toEqual({
    max_connections: "100",
    shared_buffers: "128MB",
    effective_cache_size: "384MB",
    maintenance_work_mem: "32MB",
    work_mem: "4MB",
    max_wal_size: "1024MB",
    random_page_cost: "1.1",
  });
});

test("of a large one", () => {
  expect(settings(65536, 200)).toMatchObject({
    max_connections: "200",
    shared_buffers: "16384MB",
    effective_cache_size: "49152MB",
    maintenance_work_mem: "2048MB",
    work_mem: "81MB",
    max_wal_size: "4096MB",
  });
});

test("what all connections may take stays below the memory that is left", () => {
  for (const memory of [2048, 4096, 8192]) {
    const { work_mem: workMemory, shared_buffers: shared } = settings(memory);
    expect(100 * parseInt(workMemory)).toBeLessThan(memory - parseInt(shared));
  }
});

test("the user's own count in place of these, and beside them", () => {
  const own = { shared_buffers: "1GB", shared_preload_libraries: "pg_stat_statements" };
  expect(settings(512, 100, own)).toEqual({ ...settings(512), ...own });
  expect([preloadLibraries(own), preloadLibraries({})]).toEqual(["pg_stat_statements", ""]);
});
