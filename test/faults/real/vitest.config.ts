import { defineConfig } from "vitest/config";

/** Every single fault on real engines: `npm run test:real`. */
export default defineConfig({
  test: {
    include: ["test/faults/real/*.suite.ts"],
    globalSetup: ["test/support/global-database.ts"],
    pool: "forks",
    // Each keeps about one processor busy, with its server.
    maxWorkers: 2,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  },
});
