import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** Executions of every release, replayed against the functions of this one: `npm run test:replay`. */
export default defineConfig({
  test: {
    ...shared.test,
    include: [process.env["ROTOR_RECORD"] === "1" ? "test/replay/record.ts" : "test/replay/*.suite.ts"],
    exclude: [],
    // Each keeps a processor busy.
    maxWorkers: 2,
  },
});
