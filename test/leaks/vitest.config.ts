import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** The search for leaks, tried with one leak after the other: `npx vitest run --config test/leaks/vitest.config.ts`. */
export default defineConfig({
  test: { ...shared.test, include: ["test/leaks/*.test.ts"], exclude: [], testTimeout: 60_000, hookTimeout: 120_000 },
});
