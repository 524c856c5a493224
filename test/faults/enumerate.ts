import type { Figure } from "../guarantees/figures.ts";
import { type Effect, type Fault, injectable } from "./alphabet.ts";
import { type FaultArena, openFaultArena } from "./arena.ts";
import type { Code } from "./in-process/bundle.ts";
import { type Injection, occurrence } from "./inject.ts";
import type { Schedule } from "./race.ts";
import { type FaultOptions, type FaultReport, playFaults, type Situation } from "./run.ts";
import { isPassing, vectorOf } from "./situations.ts";

/** What came of all runs of one situation. */
export interface Counts {
  readonly situation: Situation;
  /** Of the undisturbed run. */
  readonly effects: number;
  /** How many runs there are to choose from, where all of them were looked at. */
  readonly possible: number | undefined;
  /** How many were played, and had what they were played for: a fault that was one, or two rotations. */
  readonly runs: number;
  readonly seconds: number;
  /** Vectors and what was wrong. */
  readonly violations: readonly string[];
}

/** What two faults of one run are taken from: "throttled" is two errors already. */
const PAIRED: readonly Fault[] = ["error before", "error after", "crash before", "crash after", "late", "stale"];
/** Of a first fault so many second ones at least, where not all are played. */
const SECONDS = 8;
/** A fault at the gate ends an attempt of Secrets Manager's: a native rotation goes on by the next. */
const ROTATION = { attempts: 2, delaySeconds: 60, form: "same-token" } as const;
/** An account remembers everything. */
const RUNS_PER_ACCOUNT = 200;

export interface Player extends AsyncDisposable {
  play(situation: Situation, options?: FaultOptions): Promise<FaultReport>;
}

/** Plays run after run, in a fresh account now and then. */
export function openPlayer(code: Partial<Code>): Player {
  let arena: FaultArena | undefined;
  let runs = 0;
  const close = async () => {
    await arena?.[Symbol.asyncDispose]();
    arena = undefined;
  };
  return {
    async play(situation, options) {
      if (runs++ % RUNS_PER_ACCOUNT === 0) await close();
      arena ??= await openFaultArena({ code, rotation: ROTATION });
      return await playFaults(arena, situation, options);
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Every fault at every effect of the undisturbed run, or evenly spread ones: at most so many. */
export async function enumerateSingles(player: Player, situation: Situation, most: number): Promise<Counts> {
  const begun = performance.now();
  const undisturbed = await undisturbedRun(player, situation);
  const violations: string[] = [];
  const all = injectable(undisturbed.effects, situation.mode);
  let runs = 0;
  for (const { effect, fault } of spread(all, most)) {
    const report = await player.play(situation, {
      injections: [injectionOf(effect, fault, undisturbed.effects, situation)],
    });
    violations.push(...wrongOf(report, undisturbed.end));
    if (report.isMet) runs += 1;
  }
  if (runs === 0) violations.push(nothingMet(situation));
  const { length: effects } = undisturbed.effects;
  const seconds = (performance.now() - begun) / 1000;
  return { situation, effects, possible: all.length, runs, seconds, violations };
}

/**
 * Two faults that pass, the second at an effect that the run with the first one has after it.
 * @param most how many runs; fewer than there are: evenly spread ones
 */
export async function enumeratePairs(player: Player, situation: Situation, most: number): Promise<Counts> {
  const begun = performance.now();
  const { effects: usual, end } = await undisturbedRun(player, situation);
  const violations: string[] = [];
  const pairs: (readonly Injection[])[] = [];
  const paired = (effects: readonly Effect[]) =>
    injectable(effects, situation.mode).flatMap(({ effect, fault }) =>
      PAIRED.includes(fault)
        ? [{ index: effect.index, injection: injectionOf(effect, fault, effects, situation) }]
        : [],
    );
  const firsts = paired(usual);
  const chosen = spread(firsts, Math.ceil(most / SECONDS));
  for (const first of chosen) {
    // Only for its effects: the run is judged as one of the singles.
    const injections = [first.injection];
    const { effects } = await player.play(situation, { injections, expected: end, isSearched: false });
    for (const second of paired(effects)) {
      if (second.index > first.index) pairs.push([first.injection, second.injection]);
    }
  }
  let runs = 0;
  for (const injections of spread(pairs, most)) {
    const report = await player.play(situation, { injections, expected: end });
    violations.push(...wrongOf(report, end));
    if (report.isMet) runs += 1;
  }
  if (runs === 0) violations.push(nothingMet(situation));
  const seconds = (performance.now() - begun) / 1000;
  const possible = chosen.length === firsts.length ? pairs.length : undefined;
  return { situation, effects: usual.length, possible, runs, seconds, violations };
}

/** How far apart the turns of a race are. */
const GRID = 4;

/** Two rotations at once: the first begins, and is interrupted once to three times, each time after so many effects. */
export async function enumerateRaces(player: Player, situation: Situation, most: number): Promise<Counts> {
  const begun = performance.now();
  const { effects, end } = await undisturbedRun(player, situation);
  const until = effects.length;
  const schedules: Schedule[] = [];
  for (let first = 1; first < until; first += 1) {
    schedules.push([first]);
    for (let second = 1; second < until; second += GRID) {
      schedules.push([first, second]);
      for (let third = 1; first + third < until; third += GRID) schedules.push([first, second, third]);
    }
  }
  const violations: string[] = [];
  let runs = 0;
  for (const schedule of spread(schedules, most)) {
    const report = await player.play(situation, { schedule });
    const wanted = wantedOf(situation);
    const isReached = report.outcomes.includes(wanted);
    const broken = [...report.broken, ...(isReached ? [] : [`neither ended ${wanted}: ${report.outcomes.join()}`])];
    violations.push(...wrongOf({ ...report, broken }, end));
    if (report.isMet) runs += 1;
  }
  if (runs === 0) violations.push(`${vectorOf(situation, [])}: there were never two rotations at once`);
  const seconds = (performance.now() - begun) / 1000;
  return { situation, effects: until, possible: schedules.length, runs, seconds, violations };
}

/** How often the gate looks is not the same each time, so that the effects of a native rotation change places. */
function injectionOf(effect: Effect, fault: Fault, effects: readonly Effect[], { mode }: Situation): Injection {
  return { at: mode === "native" ? occurrence(effect, effects) : effect.index, fault };
}

/** No broken promise in no run is no finding. */
function nothingMet(situation: Situation): string {
  return `${vectorOf(situation, [])}: no run met what it was played for`;
}

function wantedOf({ path }: Situation): string {
  return path === "forward" ? "SUCCEEDED" : "ROLLED_BACK";
}

/** Without faults, a situation ends as it is called. */
async function undisturbedRun(player: Player, situation: Situation): Promise<FaultReport> {
  const report = await player.play(situation);
  const wanted = wantedOf(situation);
  const outcomes = report.outcomes.filter((each) => each !== "IGNORED").join();
  if (outcomes === wanted && report.broken.length === 0) return report;
  throw new Error(`${vectorOf(situation, [])} ended ${outcomes} without any fault. ${report.broken.join(" ")}`);
}

/** What is wrong with a run: promises that were broken, and an end that faults which pass must not change. */
export function wrongOf({ situation, injections, schedule, end, broken }: FaultReport, undisturbed: string): string[] {
  const changed = schedule === undefined && injections.every(({ fault }) => isPassing(fault)) && end !== undisturbed;
  const wrong = [...broken, ...(changed ? [`it ended ${end} in place of ${undisturbed}`] : [])];
  if (wrong.length === 0) return [];
  return [`ROTOR_FAULT="${vectorOf(situation, injections, schedule)}"\n  ${wrong.join("\n  ")}`];
}

/** What is told of it. How often the gate looks, and so how many effects a native rotation has, is not the same each time. */
export function figureOf(what: string, { situation, possible, runs, violations }: Counts): Figure {
  const { mode, overlap, path } = situation;
  return {
    what: `${what}: ${mode}, ${overlap ? "two credentials" : "one credential"}, ${path}`,
    counted: "runs",
    count: runs,
    ...(possible === undefined ? {} : { of: possible }),
    violations: violations.length,
    exact: mode === "driven",
  };
}

/** So many of all, evenly spread. */
function spread<T>(all: readonly T[], most: number): readonly T[] {
  const stride = Math.max(1, all.length / most);
  return all.filter((_, index) => Math.floor(index / stride) !== Math.floor((index - 1) / stride));
}
