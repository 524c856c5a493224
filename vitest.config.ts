import { defineConfig } from "vitest/config";

/** Suites with scripts of their own, which CI runs, too: see docs/proof.md. */
const SLOWER = ["triggers", "targets", "stacks", "gap", "kill", "leaks", "security"].map(
  (folder) => `test/${folder}/**`,
);
/** They put another module in a module's place. */
const MOCKING = ["test/dependents/http-name.test.ts", "test/dependents/plan-dependents.test.ts"];

const COMMON = {
  pool: "forks",
  env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  testTimeout: 30_000,
  hookTimeout: 30_000,
} as const;

export default defineConfig({
  test: {
    // Most tests wait for a database, a process or a thread: more files at a time than processors keep them busy.
    maxWorkers: 4,
    projects: [
      {
        test: {
          ...COMMON,
          name: "main",
          include: ["test/**/*.test.ts"],
          exclude: [...SLOWER, ...MOCKING],
          globalSetup: ["test/support/global-database.ts", "test/support/global-bundles.ts"],
          // What a worker has loaded serves its next file, too: loading the SDK 137 times took a fifth of the whole run.
          isolate: false,
        },
      },
      { test: { ...COMMON, name: "mocking", include: MOCKING } },
    ],
  },
});
