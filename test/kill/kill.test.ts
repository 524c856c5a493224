import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { askedNumber } from "../support/asked.ts";
import { useDatabase } from "../support/database.ts";
import { type Lane, startLane } from "./lane.ts";
import { bundleProgram } from "./program.ts";
import { SCENARIOS, titleOf, type Vector, vectorsOf } from "./vectors.ts";

const KILLS = askedNumber("ROTOR_KILLS", 100);
const SEED = askedNumber("ROTOR_KILL_SEED", Math.floor(Math.random() * 1_000_000), 0);
/** Processes that are killed side by side: one is at work while another starts. */
const LANES = 2;

test(`an account that is killed ${KILLS} times ends every rotation as if it had not been`, {
  timeout: 3_600_000,
}, async () => {
  const began = performance.now();
  const directory = await mkdtemp(join(tmpdir(), "rotor-kill-"));
  const lanes: Lane[] = [];
  const results: Result[] = [];
  const durations: number[] = [];
  try {
    const program = await bundleProgram(directory);
    for (let lane = 0; lane < LANES; lane++) {
      const own = join(directory, `${lane}`);
      await mkdir(own);
      lanes.push(await startLane({ directory: own, program, bundles: inject("bundles"), database: useDatabase() }));
    }
    await playAll(lanes, EVERY_FUNCTION, [], results);
    await Promise.all(lanes.map((lane) => lane.renew()));
    // What the delays of the kills are measured by; it has to end well, too.
    await playAll(lanes, undisturbed(SCENARIOS.keys()), [], results);
    for (const { vector, took } of results) durations[vector.scenario] = Math.round(took);
    await playAll(lanes, vectorsOf(SEED, KILLS), durations, results);
    const failures = results.flatMap(({ failure }) => failure);
    const count = results.flatMap(({ hits }) => hits).filter(Boolean).length;
    const what = "kill -9 of the whole process, in the middle of a rotation";
    const figure = { what, counted: "kills", count, violations: failures.length, exact: false } as const;
    tell("kill", [figure], (performance.now() - began) / 1000);
    expect(failures).toEqual([]);
    // Others come when their rotation has just ended.
    expect(count).toBeGreaterThan(KILLS / 4);
  } finally {
    report(results, durations, (performance.now() - began) / 1000);
    await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
    await rm(directory, { recursive: true });
  }
});

interface Result {
  readonly vector: Vector;
  readonly outcome: string;
  readonly took: number;
  readonly hits: readonly boolean[];
  readonly repairs: number;
  /** Its vector and what did not hold, if anything did not. */
  readonly failure: readonly string[];
}

function undisturbed(scenarios: Iterable<number>): readonly Vector[] {
  return Array.from(scenarios, (scenario) => ({ index: -1, scenario, after: [] }));
}

/** Rotations in which every function runs. */
const EVERY_FUNCTION = undisturbed([
  SCENARIOS.findIndex(({ mode, broken }) => mode === "native" && broken),
  SCENARIOS.findIndex(({ mode, broken }) => mode === "driven" && !broken),
]);

/** Each lane takes one vector after the other. */
async function playAll(
  lanes: readonly Lane[],
  vectors: readonly Vector[],
  durations: readonly number[],
  results: Result[],
): Promise<void> {
  const left = [...vectors];
  const playNext = async (lane: Lane): Promise<void> => {
    const vector = left.shift();
    if (vector === undefined) return;
    const played = await lane.play(vector, durations[vector.scenario] ?? 0).catch((cause: Error) => {
      throw new Error(`${describe(vector, durations)}: ${cause.message}`, { cause });
    });
    const { violations, ...result } = played;
    const failure = violations.length === 0 ? [] : [`${describe(vector, durations)}: ${violations.join("; ")}`];
    results.push({ vector, ...result, failure });
    await playNext(lane);
  };
  await Promise.all(lanes.map(playNext));
}

function describe({ index, scenario, after }: Vector, durations: readonly number[]): string {
  const delays = after.map((fraction) => `${Math.round(fraction * (durations[scenario] ?? 0))} ms`);
  const title = titleOf(SCENARIOS[scenario] as (typeof SCENARIOS)[number]);
  return index < 0
    ? `undisturbed (${title})`
    : `rotation ${index} (${title}), killed after ${delays.join(" and again ")}`;
}

function report(results: readonly Result[], durations: readonly number[], seconds: number): void {
  const hits = results.flatMap((each) => each.hits);
  const counts = new Map<string, number>();
  for (const { outcome } of results) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const failures = results.flatMap(({ failure }) => failure);
  console.log(
    [
      `${hits.length} kills in ${results.filter(({ hits }) => hits.length > 0).length} rotations, seed ${SEED} (ROTOR_KILL_SEED)`,
      `under way when killed: ${hits.filter(Boolean).length}`,
      `outcomes: ${[...counts].map(([outcome, count]) => `${outcome} ${count}`).join(", ")}`,
      `repairs by reconcile: ${results.reduce((sum, { repairs }) => sum + repairs, 0)}`,
      `undisturbed rotations take ${Math.min(...durations)} to ${Math.max(...durations)} ms`,
      `violations: ${failures.length}`,
      ...failures.map((failure) => `  ${failure}`),
      `${seconds.toFixed(1)} s`,
    ].join("\n"),
  );
}
