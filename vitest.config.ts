import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first.ts";
import { SUITE } from "./test/suite.ts";

/** Suites with scripts of their own, which CI runs, too: see docs/proof.md. */
const SLOWER = [
  ...["triggers", "targets", "stacks", "gap", "kill", "leaks", "security", "cli", "view"].map(
    (folder) => `test/${folder}/**`,
  ),
  // With those of the CLI: each boots the whole demo in a process of its own.
  "test/demo/start.test.ts",
  // With recorded executions: what an interpreter and an account of other people make of the same.
  "test/engine/foreign.test.ts",
  "test/local/moto-*.test.ts",
];
/** They put another module in a module's place, or need one that nobody has loaded yet. */
const ALONE = ["dependents/http-name", "dependents/plan-dependents", "core/parse"].map(
  (file) => `test/${file}.test.ts`,
);

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { ...SUITE, name: "main", include: ["test/**/*.test.ts"], exclude: [...SLOWER, ...ALONE] } },
      { test: { ...SUITE, name: "alone", include: ALONE, globalSetup: [], isolate: true } },
    ],
  },
});
