import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** Attacks, tried systematically: the table in docs/threat-model.md says which file tries which. */
export default defineConfig({
  test: {
    ...shared.test,
    include: ["test/security/*.test.ts"],
    exclude: [],
    // A test is up to a thousand runs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
