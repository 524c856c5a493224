import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** Attacks, tried systematically: the table in docs/threat-model.md says which file tries which. */
export default defineConfig({
  test: {
    ...SUITE,
    include: ["test/security/*.test.ts"],
    // A test is up to a thousand runs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
