import { expect, inject, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { bundleWithFakes } from "./arena.ts";
import { explain, interleave, type Summary, say } from "./interleave.ts";
import type { Scenario } from "./scenario.ts";
import { scenariosOf } from "./settings.ts";
import { startFake } from "./target.ts";

/** One test: the share of the seeds that belongs to one form of Secrets Manager's retries. */
export function testShard(shard: number, form: string): void {
  const limit = 7_200_000;

  test(`what once broke a promise does so no more, with ${form}`, { timeout: limit }, async () => {
    const summary = await playAll(scenariosOf(inject("seeds"), shard).kept);

    const { runs, seconds, failed } = summary;
    const what = `what once broke a promise, three times over: ${form}`;
    const figure = { what, counted: "runs", count: runs, of: runs, violations: failed.length, exact: true } as const;
    if (runs > 0) tell("interleavings", [figure], seconds);
    expect(failed.length, explain(failed)).toBe(0);
  });

  test(`every promise is kept in every interleaving, with ${form}`, { timeout: limit }, async () => {
    const seeds = inject("seeds");

    const summary = await playAll(scenariosOf(seeds, shard).drawn);

    console.log(say(`Fake target, ${form}, seeds ${seeds.first} to ${seeds.first + seeds.count - 1}`, summary));
    const { runs, seconds, failed } = summary;
    const what = `random interleavings with a fake target, ${form}`;
    tell("interleavings", [{ what, counted: "runs", count: runs, violations: failed.length, exact: false }], seconds);
    expect(failed.length, explain(failed)).toBe(0);
  });
}

async function playAll(scenarios: readonly Scenario[]): Promise<Summary> {
  await using target = await startFake();
  await using bundles = await bundleWithFakes();
  return await interleave({ target, bundles: bundles.files, scenarios });
}
