import { expect, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { openPlayer, wrongOf } from "./enumerate.ts";
import { bundleInProcess } from "./in-process/bundle.ts";
import regressions from "./regressions.json" with { type: "json" };
import { readVector } from "./situations.ts";

/** ROTOR_FAULT plays one run, and prints its course; without it, all that once broke a promise are played again. */
const asked = process.env["ROTOR_FAULT"];
const vectors: readonly string[] = asked === undefined ? regressions.map(({ vector }) => vector) : [asked];

test("what once broke a promise does so no more", async () => {
  await using player = openPlayer(await bundleInProcess());
  const violations: string[] = [];
  for (const vector of vectors) {
    const { situation, ...wanted } = readVector(vector);
    const { end } = await player.play(situation);
    const report = await player.play(situation, wanted);
    if (asked !== undefined) console.log([...report.trace, report.end].join("\n"));
    violations.push(...wrongOf(report, end));
    // Effects change places from release to release: a vector that is left behind shows nothing.
    if (!report.isMet) violations.push(`ROTOR_FAULT="${vector}"\n  the vector meets nothing any more`);
  }
  if (asked === undefined) {
    const [what, count] = ["what once broke a promise, again", vectors.length];
    tell("faults", [{ what, counted: "runs", count, of: count, violations: violations.length, exact: true }], 0);
  }
  expect(violations, violations.join("\n")).toEqual([]);
}, 3_600_000);
