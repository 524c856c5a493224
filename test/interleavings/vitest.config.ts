import { defineConfig } from "vitest/config";

/** The ten thousand interleavings: `npm run test:interleavings`. */
export default defineConfig({
  test: {
    include: ["test/interleavings/*.suite.ts"],
    globalSetup: ["test/support/global-database.ts", "test/interleavings/global-seeds.ts"],
    pool: "forks",
    // Each keeps about one processor busy with its account and another with the functions.
    maxWorkers: 2,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  },
});
