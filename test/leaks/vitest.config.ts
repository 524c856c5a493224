import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** The search for leaks, tried with one leak after the other: `npx vitest run --config test/leaks/vitest.config.ts`. */
export default defineConfig({
  test: { ...SUITE, include: ["test/leaks/*.test.ts"], testTimeout: 60_000, hookTimeout: 120_000 },
});
