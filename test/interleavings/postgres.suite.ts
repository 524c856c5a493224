import { expect, inject, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { useDatabase } from "../support/database.ts";
import { bundleWithFakes } from "./arena.ts";
import { explain, interleave, say } from "./interleave.ts";
import { startPostgres } from "./postgres-target.ts";
import { drawScenario } from "./scenario.ts";

test("every promise is kept in interleavings on a real PostgreSQL", async () => {
  const { first, onPostgres } = inject("seeds");
  const scenarios = Array.from({ length: onPostgres }, (_, index) => drawScenario(first + index));
  await using target = await startPostgres();
  await using bundles = await bundleWithFakes();

  const summary = await interleave({ target, bundles: bundles.files, scenarios });

  if (onPostgres > 0) console.log(say(`PostgreSQL, seeds ${first} to ${first + onPostgres - 1}`, summary));
  const { runs, seconds, failed } = summary;
  const what = "random interleavings with PostgreSQL";
  tell("interleavings", [{ what, counted: "runs", count: runs, violations: failed.length, exact: false }], seconds);
  expect(summary.failed.length, explain(summary.failed)).toBe(0);
  expect(await useDatabase().log()).not.toContain("canary-");
}, 7_200_000);
