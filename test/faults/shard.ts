import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { asked } from "../support/asked.ts";
import {
  type Counts,
  enumeratePairs,
  enumerateRaces,
  enumerateSingles,
  figureOf,
  openPlayer,
  type Player,
} from "./enumerate.ts";
import { bundleInProcess } from "./in-process/bundle.ts";
import type { Situation } from "./run.ts";
import { SITUATIONS } from "./situations.ts";

const HOUR = 3_600_000;
/** How many runs each situation has, at most; a variable may say another number, or "all". */
const SINGLES = most("ROTOR_SINGLES", "all");
const PAIRS = most("ROTOR_PAIRS", 6400);
const RACES = most("ROTOR_RACES", 300);

const ENUMERATIONS: Readonly<Record<string, (player: Player, situation: Situation) => Promise<Counts>>> = {
  "every fault at every effect": (player, situation) => enumerateSingles(player, situation, SINGLES),
  "two faults that pass": (player, situation) => enumeratePairs(player, situation, PAIRS),
  "two rotations at once": (player, situation) => enumerateRaces(player, situation, RACES),
};

/** One enumeration, in the situations of one mode. */
export function testShard(mode: Situation["mode"], what: keyof typeof ENUMERATIONS): void {
  const situations = SITUATIONS.filter((each) => each.mode === mode);
  let player: Player;
  beforeAll(async () => {
    player = openPlayer(await bundleInProcess());
  }, HOUR);
  afterAll(() => player[Symbol.asyncDispose]());

  describe(what, () => {
    test.each(situations)(
      "no promise is broken: $mode, overlap $overlap, $path",
      async (situation) => {
        const counts = await ENUMERATIONS[what]?.(player, situation);
        if (counts === undefined) throw new Error(`There is no enumeration "${what}".`);
        tell("faults", [figureOf(what, counts)], counts.seconds);
        expect(counts.violations, counts.violations.join("\n")).toEqual([]);
      },
      HOUR,
    );
  });
}

function most(variable: string, otherwise: number | "all"): number {
  const wanted = asked(variable, otherwise);
  return wanted === "all" ? Number.POSITIVE_INFINITY : wanted;
}
