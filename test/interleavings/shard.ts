import { expect, inject, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { bundleWithFakes } from "./arena.ts";
import { explain, interleave, say } from "./interleave.ts";
import { scenariosOf } from "./settings.ts";
import { startFake } from "./target.ts";

/** One test: the share of the seeds that belongs to one form of Secrets Manager's retries. */
export function testShard(shard: number, form: string): void {
  test(`every promise is kept in every interleaving, with ${form}`, async () => {
    const seeds = inject("seeds");
    const scenarios = scenariosOf(seeds, shard);
    await using target = await startFake();
    await using bundles = await bundleWithFakes();

    const summary = await interleave({ target, bundles: bundles.files, scenarios });

    console.log(say(`Fake target, ${form}, seeds ${seeds.first} to ${seeds.first + seeds.count - 1}`, summary));
    const { runs, seconds, failed } = summary;
    const what = `random interleavings with a fake target, ${form}`;
    tell("interleavings", [{ what, counted: "runs", count: runs, violations: failed.length, exact: false }], seconds);
    expect(summary.failed.length, explain(summary.failed)).toBe(0);
  }, 7_200_000);
}
