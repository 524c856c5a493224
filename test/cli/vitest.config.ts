import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** Each command through its real process, the bundle that npm pack ships, against the embedded account: `npm run test:cli`. */
export default defineConfig({
  test: {
    ...SUITE,
    include: ["test/cli/*.test.ts"],
    globalSetup: [...SUITE.globalSetup, "test/cli/global-program.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
