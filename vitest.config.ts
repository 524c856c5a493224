import { defineConfig } from "vitest/config";
import { SUITE } from "./test/suite.ts";

/** Suites with scripts of their own, which CI runs, too: see docs/proof.md. */
const SLOWER = ["triggers", "targets", "stacks", "gap", "kill", "leaks", "security"].map(
  (folder) => `test/${folder}/**`,
);
/** They put another module in a module's place. */
const MOCKING = ["test/dependents/http-name.test.ts", "test/dependents/plan-dependents.test.ts"];

export default defineConfig({
  test: {
    projects: [
      { test: { ...SUITE, name: "main", include: ["test/**/*.test.ts"], exclude: [...SLOWER, ...MOCKING] } },
      { test: { ...SUITE, name: "mocking", include: MOCKING, globalSetup: [], isolate: true } },
    ],
  },
});
