import { expect, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { BATTERY } from "./battery.ts";
import { EQUIVALENT } from "./equivalent.ts";
import { type Kill, kill, type Original, openOriginal } from "./kill.ts";
import { edited, type Mutant, readSource } from "./mutant.ts";
import { CONTROL, MUTANTS } from "./mutants.ts";

/** As many as there are files of this suite: each keeps one processor busy. */
const SHARDS = 2;

/** The share of one file: every second mutant, and every second play with code that has no fault. */
export function testShard(shard: number): void {
  const asked = process.env["ROTOR_MUTANT"];
  const mine = <T>(all: readonly T[]): readonly T[] => all.filter((_, index) => index % SHARDS === shard);

  test.runIf(shard === 0)("every mutant has a name, a text that is there once, and a play", () => {
    const all = [...MUTANTS, ...EQUIVALENT];
    const wrong = all.filter((mutant) => edited(readSource(mutant.file), mutant) === readSource(mutant.file));
    expect(wrong.map(({ name }) => name)).toEqual([]);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(MUTANTS.filter(({ by }) => !BATTERY.includes(by)).map(({ name }) => name)).toEqual([]);
    if (asked !== undefined) expect(MUTANTS.map(({ name }) => name)).toContain(asked);
  });

  test.runIf(asked === undefined)(
    "without a fault no promise is broken, and every play ends as before",
    async () => {
      await using original = await openOriginal();
      expect(await kill(original, CONTROL, mine(BATTERY))).toBeUndefined();
    },
    LIMIT_MS,
  );

  test.runIf(asked === undefined)(
    "what no play is said to notice is noticed by none",
    async () => {
      await using original = await openOriginal();
      for (const unnoticed of mine(EQUIVALENT)) {
        const found = await kill(original, { ...unnoticed, by: "none" }, BATTERY);
        expect([unnoticed.name, found]).toEqual([unnoticed.name, undefined]);
      }
    },
    LIMIT_MS,
  );

  test(
    "every mutant is killed",
    async () => {
      await using original = await openOriginal();
      const begunAt = performance.now();
      const mutants = mine(MUTANTS).filter(({ name }) => asked === undefined || name === asked);
      const kills = await killAll(original, mutants);
      const seconds = (performance.now() - begunAt) / 1000;
      if (mutants.length > 0) console.log(say(kills, seconds));
      const alive = mutants.filter((mutant) => kills.get(mutant) === undefined);
      if (asked === undefined) {
        const [what, count] = [`seeded bugs, each of which has to be noticed, half ${shard + 1}`, mutants.length];
        tell(
          "mutants",
          [{ what, counted: "mutants", count, of: count, violations: alive.length, exact: true }],
          seconds,
        );
      }
      expect(alive.map(({ name }) => name)).toEqual([]);
    },
    LIMIT_MS,
  );
}

const LIMIT_MS = 3_600_000;

async function killAll(original: Original, mutants: readonly Mutant[]): Promise<Map<Mutant, Kill | undefined>> {
  const kills = new Map<Mutant, Kill | undefined>();
  for (const mutant of mutants) kills.set(mutant, await kill(original, mutant));
  return kills;
}

/** One line, and then which play has killed each, and what was wrong in it. */
function say(kills: ReadonlyMap<Mutant, Kill | undefined>, seconds: number): string {
  const dead = [...kills.values()].filter((each) => each !== undefined);
  const plays = dead.reduce((sum, each) => sum + each.plays, 0) + (kills.size - dead.length) * BATTERY.length;
  const rows = [...kills].map(([{ name }, found]) =>
    found === undefined ? `${name}\n    SURVIVES` : `${name}\n    ${found.by}\n    ${found.because.slice(0, 400)}`,
  );
  const total = `${kills.size} mutants, ${dead.length} killed, ${plays} runs, ${seconds.toFixed(0)} s`;
  return [total, ...rows].join("\n");
}
