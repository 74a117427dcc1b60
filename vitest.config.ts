import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/*.test.ts", "test/{bench,components,compose,containers,nginx,scripts}/**/*.test.ts"],
          testTimeout: 30_000,
        },
      },
      // These share the engine and its ports: one file after the other.
      {
        extends: true,
        test: { name: "docker", include: ["test/docker/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false },
      },
      {
        extends: true,
        test: { name: "compose", include: ["test/docker-compose/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false },
      },
      {
        extends: true,
        test: { name: "edge", include: ["test/edge/**/*.test.ts"], testTimeout: 600_000, hookTimeout: 600_000, fileParallelism: false },
      },
      {
        extends: true,
        test: { name: "data", include: ["test/data/**/*.test.ts"], testTimeout: 600_000, hookTimeout: 300_000, fileParallelism: false },
      },
      // On the second engine, by scripts/second-engine.mjs.
      {
        extends: true,
        test: { name: "engines", include: ["test/engines/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false },
      },
      // On this machine, against the second engine as a server that is reached by ssh.
      {
        extends: true,
        test: { name: "server", include: ["test/server/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false },
      },
      {
        extends: true,
        test: {
          name: "faults",
          include: ["test/faults/{faults,killed}.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: { name: "power-cut", include: ["test/faults/power-cut.test.ts"], testTimeout: 600_000, hookTimeout: 300_000 },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/support/pulumi/own-plugins.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        // Within it the whole of npm test runs.
        test: { name: "clean", include: ["test/clean/**/*.test.ts"], testTimeout: 5_400_000, hookTimeout: 600_000, fileParallelism: false },
      },
      {
        extends: true,
        test: {
          name: "bench",
          include: ["bench/*.ts"],
          globalSetup: ["test/support/pulumi/own-plugins.ts"],
          testTimeout: 900_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
