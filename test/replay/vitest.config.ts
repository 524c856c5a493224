import { defineConfig } from "vitest/config";
import { SUITE } from "../suite.ts";

/** Executions of every release, replayed against the functions of this one: `npm run test:replay`. */
export default defineConfig({
  test: {
    ...SUITE,
    include: [process.env["ROTOR_RECORD"] === "1" ? "test/replay/record.ts" : "test/replay/*.suite.ts"],
    // Each keeps a processor busy.
    maxWorkers: 2,
  },
});
