import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Slower suites have scripts of their own, which CI runs, too: see docs/proof.md.
    exclude: ["test/triggers/**", "test/targets/**", "test/stacks/**", "test/gap/**"],
    globalSetup: ["test/support/global-database.ts", "test/support/global-bundles.ts"],
    pool: "forks",
    // Most tests wait for a database, a process or a thread: more files at a time than processors keep them busy.
    maxWorkers: 4,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
