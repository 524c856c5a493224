import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tell } from "../../guarantees/figures.ts";
import { asked } from "../../support/asked.ts";
import { type Effect, LASTING, PASSING } from "../alphabet.ts";
import { type FaultArena, openFaultArena } from "../arena.ts";
import { bundleInProcess, type Code, type Edit } from "../in-process/bundle.ts";
import { type Injection, occurrence } from "../inject.ts";
import { type FaultReport, playFaults, type Situation } from "../run.ts";
import { isPassing } from "../situations.ts";
import { chosen } from "./chosen.ts";
import type { RealTarget } from "./real-target.ts";

export interface Engine {
  /** Why it is left out. */
  readonly missing?: string | undefined;
  readonly strategy: string;
  readonly overlap: boolean;
  /** One that somebody might have made in the strategy, and on which path it shows without any fault. */
  readonly mistake: Edit & { readonly path: Situation["path"]; readonly shows: RegExp };
  start(): Promise<RealTarget>;
}

/** An account remembers everything, so after so many runs a fresh one is opened. */
const RUNS_PER_ACCOUNT = 150;
const TIMEOUT_MS = 7_200_000;
/** A run takes a fraction of a second; this is no measure of speed. */
const HUNG_MS = 120_000;
/** A fault at the gate ends an attempt of Secrets Manager's: a native rotation goes on by the next. */
const ROTATION = { attempts: 2, delaySeconds: 60, form: "same-token" } as const;

/**
 * Plays ROTOR_FAULT, "<strategy> <mode> <path> <caller> <effect> <how manieth>:<fault>". ROTOR_FAULTS=all leaves no fault out, and a number
 * has each so-manieth of the chosen ones played only.
 */
const only = process.env["ROTOR_FAULT"];
const which = asked("ROTOR_FAULTS", 1);

/**
 * One test for each mode and path: a rotation without a fault, and the same one with each of the chosen faults. A passing
 * fault must not be seen in how it ends, and none may break a promise.
 */
export function testEveryFault({ missing, strategy, overlap, mistake, start }: Engine): void {
  describe.skipIf(missing !== undefined)(`single faults${missing === undefined ? "" : ` (${missing})`}`, () => {
    let real: RealTarget | undefined;
    let code: Partial<Code> = {};
    beforeAll(async () => {
      real = await start();
      code = await bundleInProcess({ target: "real" });
    }, TIMEOUT_MS);
    afterAll(() => real?.[Symbol.asyncDispose]());
    const open = (functions = code) => openFaultArena({ code: functions, rotation: ROTATION, ...(real && { real }) });

    test.skipIf(only !== undefined)(
      `a mistake in ${mistake.file} is noticed`,
      async () => {
        await using arena = await open(await bundleInProcess({ target: "real", edits: [mistake] }));
        const { broken } = await playFaults(arena, { mode: "driven", overlap, path: mistake.path });
        expect(broken.join("\n")).toMatch(mistake.shows);
      },
      TIMEOUT_MS,
    );

    for (const mode of ["driven", "native"] as const) {
      for (const path of ["forward", "rolled-back"] as const) {
        const name = `${strategy} ${mode} ${path}`;
        test.skipIf(only !== undefined && !only.startsWith(`${name} `))(
          `${name}: no single fault breaks a promise`,
          async () => {
            const failed = await playAll(name, { mode, overlap, path }, open);
            expect(failed, failed.join("\n")).toEqual([]);
          },
          TIMEOUT_MS,
        );
      }
    }
  });
}

/** Says in one line what was played. Returns what failed. */
async function playAll(
  name: string,
  situation: Situation,
  open: () => Promise<FaultArena>,
): Promise<readonly string[]> {
  const begun = performance.now();
  const failed: string[] = [];
  let met = 0;
  let arena = await open();
  const undisturbed = await playFaults(arena, situation);
  const { effects } = undisturbed;
  const outcomes = undisturbed.outcomes.filter((each) => each !== "IGNORED").join();
  expect([outcomes, ...undisturbed.broken]).toEqual([situation.path === "forward" ? "SUCCEEDED" : "ROLLED_BACK"]);
  const possible = chosen(effects, situation, true).length;
  const injections = only === undefined ? wanted(effects, situation) : [read(only, name)];
  for (const [index, injection] of injections.entries()) {
    if (index % RUNS_PER_ACCOUNT === RUNS_PER_ACCOUNT - 1) {
      await arena[Symbol.asyncDispose]();
      arena = await open();
    }
    const playing = playFaults(arena, situation, { injections: [injection], expected: undisturbed.end });
    const report = await orHung(playing, vectorOf(name, injection));
    const isChanged = isPassing(injection.fault) && report.end !== undisturbed.end;
    const isWrong = report.broken.length > 0 || isChanged || !isReached(injection, report.effects);
    if (report.isMet) met += 1;
    if (!isWrong && only === undefined) continue;
    // At once: the suite takes long, and may be ended before its summary.
    console.log([explain(name, report, undisturbed, true), ...thrown(arena)].join("\n"));
    if (isWrong) failed.push(explain(name, report, undisturbed, false));
  }
  await arena[Symbol.asyncDispose]();
  // No broken promise in no run is no finding.
  if (met === 0) failed.push(`${name}: no fault was one`);
  const seconds = (performance.now() - begun) / 1000;
  const what = `one fault: ${name}`;
  const [count, violations] = [met, failed.length];
  if (only === undefined) {
    tell("real", [{ what, counted: "runs", count, of: possible, violations, exact: false }], seconds);
  }
  return failed;
}

function wanted(effects: readonly Effect[], situation: Situation): readonly Injection[] {
  if (which === "all") return chosen(effects, situation, true);
  return chosen(effects, situation, false).filter((_, index) => index % which === 0);
}

function read(vector: string, name: string): Injection {
  const [at = "", named] = vector.slice(name.length + 1).split(":");
  const fault = [...PASSING, ...LASTING].find((each) => each === named);
  if (fault === undefined) throw new Error(`No fault is called "${named}": ${[...PASSING, ...LASTING].join(", ")}.`);
  return { at, fault };
}

function vectorOf(name: string, { at, fault }: Injection): string {
  return `ROTOR_FAULT="${name} ${at}:${fault}"`;
}

/** @throws Error naming the run, when it does not end */
async function orHung<T>(playing: Promise<T>, vector: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${vector} has no end.`)), HUNG_MS);
  });
  return await Promise.race([playing, hung]).finally(() => clearTimeout(timer));
}

/** How often the gate looks depends on how long the workflow takes; anything else comes as often as it does without the fault. */
function isReached({ at }: Injection, effects: readonly Effect[]): boolean {
  return String(at).startsWith("gate") || effects.some((effect) => occurrence(effect, effects) === at);
}

/** What has to be known to look into a run: the vector that plays it again, what is wrong, and its course. */
function explain(name: string, report: FaultReport, { end: usual }: FaultReport, course: boolean): string {
  const { injections, effects, broken, end, trace } = report;
  const vectors = injections.map((each) => vectorOf(name, each));
  const passed = effects.map(({ index, caller, name: what }) => `  ${index} ${caller} ${what}`);
  const rest = course ? [...passed, ...trace] : [];
  return [...vectors, `  it ended ${end}`, `  usually  ${usual}`, ...broken.map((each) => `  ${each}`), ...rest].join(
    "\n",
  );
}

/** What functions threw in the newest execution. */
function thrown({ account }: FaultArena): readonly string[] {
  const events = account.states.executions().at(-1)?.events ?? [];
  return events.flatMap(({ type, ...rest }) => (type.endsWith("Failed") ? `${type} ${JSON.stringify(rest)}` : []));
}
