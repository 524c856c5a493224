import { defineConfig } from "vitest/config";

/** The seeded bugs, each of which has to be noticed: `npm run test:mutants`. */
export default defineConfig({
  test: {
    include: ["test/mutants/*.suite.ts"],
    pool: "forks",
    // A mutant keeps one processor busy.
    maxWorkers: 2,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  },
});
