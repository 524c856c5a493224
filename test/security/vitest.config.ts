import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** Attacks, tried systematically: the table in docs/threat-model.md says which file tries which. */
export default defineConfig({
  test: {
    ...SUITE,
    include: ["test/security/*.test.ts"],
    // One puts another module in a module's place.
    isolate: true,
    // A test is up to a thousand runs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
