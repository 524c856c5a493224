import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/stacks/**/*.test.ts"],
    globalSetup: ["test/stacks/harness/setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
