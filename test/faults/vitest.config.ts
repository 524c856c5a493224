import { defineConfig } from "vitest/config";

/** Faults at every effect, on fast fakes: `npm run test:faults`. */
export default defineConfig({
  test: {
    include: ["test/faults/*.suite.ts"],
    pool: "forks",
    // Each keeps one processor busy.
    maxWorkers: 2,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  },
});
