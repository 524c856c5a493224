import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** Each command through its real process, the bundle that is packed, against the embedded account: `npm run test:cli`. */
const commands = {
  ...SUITE,
  name: "commands",
  include: ["test/cli/*.test.ts"],
  globalSetup: [...SUITE.globalSetup, "test/cli/global-program.ts"],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

/** After them: what the docs tell to type is among what they have run. By itself it finds that nothing was run. */
const docs = {
  ...SUITE,
  ...{ name: "docs", include: ["test/cli/docs.suite.ts"], globalSetup: [], sequence: { groupOrder: 1 } },
};

export default defineConfig({
  test: {
    globalSetup: ["test/cli/global-executed.ts"],
    projects: [{ test: commands }, { test: docs }],
  },
});
