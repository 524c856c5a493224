import { expect, test } from "vitest";
import { bundleWithFakes } from "./arena.ts";
import { explain, interleave } from "./interleave.ts";
import { drawScenario } from "./scenario.ts";
import { startFake } from "./target.ts";

test("a few interleavings of events, people, faults and retries keep every promise", async () => {
  await using target = await startFake();
  await using bundles = await bundleWithFakes();
  // Of one retry form, so that one account does.
  const scenarios = Array.from({ length: 25 }, (_, index) => drawScenario(1 + 4 * index));

  const { failed, runs } = await interleave({ target, bundles: bundles.files, scenarios });

  expect(runs).toBe(25);
  expect(failed.length, explain(failed)).toBe(0);
}, 120_000);
