import { defineConfig } from "vitest/config";

// A mutant's graph is looked at, and nothing is run: no database.
const database = process.env["ROTOR_GRAPHS"] === undefined ? ["test/support/global-database.ts"] : [];

export default defineConfig({
  test: {
    include: ["test/stacks/**/*.test.ts"],
    globalSetup: ["test/stacks/harness/setup.ts", ...database],
    pool: "forks",
    maxWorkers: 2,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    testTimeout: 60_000,
    // Some evaluate, bundle or rotate first, beside mutants that take all there is of the processors.
    hookTimeout: 300_000,
  },
});
