import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** The view's server in processes of its own, against the embedded account, and its page in a browser: `npm run test:view`. */
export default defineConfig({
  test: {
    ...SUITE,
    include: ["test/view/**/*.test.ts"],
    globalSetup: [...SUITE.globalSetup, "test/cli/global-program.ts", "test/cli/global-executed.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
