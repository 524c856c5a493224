import { afterEach, describe, expect, test, vi } from "vitest";
import { asked, askedNumber } from "../support/asked.ts";
import { enumeratePairs, enumerateSingles, type Player } from "./enumerate.ts";
import type { FaultReport, Situation } from "./run.ts";

const SITUATION: Situation = { mode: "driven", overlap: false, path: "forward" };

/** Each run has two effects and no broken promise. */
function playerOf(isMet: boolean): Player {
  return {
    play: async (situation, { injections = [], schedule } = {}): Promise<FaultReport> => ({
      ...{ situation, injections, schedule, isMet, outcomes: ["SUCCEEDED"], end: "SUCCEEDED", broken: [], trace: [] },
      effects: [1, 2].map((index) => ({ index, door: "target", caller: "rotate", name: "target.get" })),
    }),
    async [Symbol.asyncDispose]() {},
  };
}

describe("an enumeration", () => {
  test.each([
    ["single faults", enumerateSingles],
    ["two faults", enumeratePairs],
  ])("of %s fails when none was one, though no promise was broken", async (_what, enumerate) => {
    const met = await enumerate(playerOf(true), SITUATION, 5);
    expect(met.runs).toBeGreaterThan(0);
    expect(met.violations).toEqual([]);

    const { runs, violations } = await enumerate(playerOf(false), SITUATION, 5);
    expect(runs).toBe(0);
    expect(violations).toEqual(["driven single forward: no run met what it was played for"]);
  });
});

describe("how many runs a variable asks for", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test.each([
    ["all", "all"],
    ["1", 1],
    ["250", 250],
  ])("may be %s", (given, wanted) => {
    vi.stubEnv("ROTOR_SINGLES", given);
    expect(asked("ROTOR_SINGLES", 7)).toBe(wanted);
  });

  test.each(["", "0", "-1", "1.5", "1e3", "al", " 1", "NaN", "Infinity"])('may not be "%s"', (given) => {
    vi.stubEnv("ROTOR_SINGLES", given);
    expect(() => asked("ROTOR_SINGLES", 7)).toThrow(`ROTOR_SINGLES is "${given}", and has to be "all" or a whole`);
  });

  test.each(["", "-1", "1.5", "all", "NaN"])('may not be "%s" where there is no end, and a seed neither', (given) => {
    vi.stubEnv("ROTOR_SEED", given);
    expect(() => askedNumber("ROTOR_SEED", 7, 0)).toThrow(
      `ROTOR_SEED is "${given}", and has to be a whole number from 0.`,
    );
  });

  test("is what the suite says where nobody asks", () => {
    expect(asked("ROTOR_NOBODY_ASKS", 7)).toBe(7);
    expect(askedNumber("ROTOR_NOBODY_ASKS", 7)).toBe(7);
  });
});
