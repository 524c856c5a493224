import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/**
 * Executions of every release, replayed against the functions of this one, and what an interpreter and an account of other people make of
 * the same definitions and calls: `npm run test:replay`.
 */
const suites = ["test/replay/*.suite.ts", "test/engine/foreign.test.ts", "test/local/moto-*.test.ts"];

export default defineConfig({
  test: {
    ...SUITE,
    include: process.env["ROTOR_RECORD"] === "1" ? ["test/replay/record.ts"] : suites,
    // Each keeps a processor busy.
    maxWorkers: 2,
  },
});
