import { REPAIR_REQUESTED } from "../../core/events.ts";
import { type Effect, type Fault, LASTING, PASSING } from "../faults/alphabet.ts";
import type { FaultArena } from "../faults/arena.ts";
import type { Injection } from "../faults/inject.ts";
import { playFaults, type Situation } from "../faults/run.ts";
import { play as playScenario } from "../interleavings/play.ts";
import type { FakeTargetOfRuns } from "../interleavings/target.ts";
import { tooEarly, whatWasSaid } from "./observe.ts";
import { SCENES } from "./scenes.ts";

/** What came of a play. */
export interface Result {
  readonly broken: readonly string[];
  /** How it ended, and what Secrets Manager and Rotor have put on the buses: the same whenever the same code plays it. */
  readonly end: string;
  /** What people were told: the facts of each message, without ids and times. */
  readonly said: readonly string[];
}

/** Plays in one arena, one after the other, always of the same code. */
export interface Stage {
  /** undefined: what is to meet a fault does not happen with this code. */
  play(name: string): Promise<Result | undefined>;
}

/** Begins the name of a play that compares how often what was asked for: the rest is the name of what is played. */
export const COUNTED = "calls of ";
const SWEPT = "swept ";
const ASKED = "repair asked ";
/** A play makes some hundred calls. */
const MOST_CALLS = 2500;
const FAULT = new RegExp(`^(${[...PASSING, ...LASTING].join("|")})( 0\\.\\d+)? (.+ \\d+)$`);

export function createStage(arena: FaultArena): Stage {
  return {
    async play(name) {
      const scene = SCENES[name];
      if (scene !== undefined) {
        return told(arena, async () => {
          using _target = withTargetFaults(arena);
          using _later = laterThanSessions(arena);
          const { broken, outcomes } = await playScenario(arena, scene);
          return { broken, end: [...outcomes].sort().join() };
        });
      }
      if (name.startsWith(COUNTED)) return counted(name.slice(COUNTED.length));
      const { situation, faults, silent, acts } = parsePlay(name);
      return told(arena, async () => {
        using _acts = interfere(arena, acts);
        return await playOnce(situation, faults, silent);
      });
    },
  };

  /** What a run costs until reconcile looks. Of the happy path that is promised exactly. */
  async function counted(name: string): Promise<Result | undefined> {
    const { situation, faults: injections } = parsePlay(name);
    const { effects, broken } = await playFaults(arena, situation, { injections });
    if (!areMet(injections, effects) && broken.length === 0) return undefined;
    const times = new Map<string, number>();
    for (const { caller, name: what } of effects)
      times.set(what, (times.get(what) ?? 0) + (caller === "dispatch" ? 0 : 1));
    return { broken, end: JSON.stringify([...times].sort()), said: [] };
  }

  async function playOnce(situation: Situation, injections: readonly Injection[], silent: boolean): Promise<Report> {
    using _silence = arena.account.events.disturb({ copies: ({ source }) => (silent && isAws(source) ? 0 : 1) });
    const { broken, end, effects } = await playFaults(arena, situation, { injections });
    return { broken, end, isMet: areMet(injections, effects) };
  }
}

/** Whether every effect that was to meet a fault was there. */
function areMet(injections: readonly Injection[], effects: readonly Effect[]): boolean {
  const times = new Map<string, number>();
  for (const { caller, name } of effects) times.set(`${caller} ${name}`, (times.get(`${caller} ${name}`) ?? 0) + 1);
  return injections.every(({ at }) => {
    const [, effect = "", ordinal] = /^(.+) (\d+)$/.exec(String(at)) ?? [];
    return (times.get(effect) ?? 0) >= Number(ordinal);
  });
}

/** At these calls reconcile is run, or a repair of the version that they are about is asked for, whatever else they meet. */
function interfere(arena: FaultArena, acts: readonly string[]): Disposable {
  const times = new Map<string, number>();
  return arena.account.intercept(({ phase, caller, service, operation, input }) => {
    if (phase !== "before") return undefined;
    const call = `${caller} ${service}.${operation}`;
    times.set(call, (times.get(call) ?? 0) + 1);
    if (acts.includes(`${SWEPT}${call} ${times.get(call)}`)) arena.reconcile();
    if (acts.includes(`${ASKED}${call} ${times.get(call)}`)) askForRepair(arena, input);
    return undefined;
  });
}

function askForRepair({ ask, deployment }: FaultArena, input: unknown): void {
  const { Payload } = input as { readonly Payload: { readonly secretArn: string; readonly versionId: string } };
  const Detail = JSON.stringify({ secretId: Payload.secretArn, token: Payload.versionId });
  const entry = { EventBusName: deployment.busName, Source: "test", DetailType: REPAIR_REQUESTED, Detail };
  ask("events", "PutEvents", { Entries: [entry] });
}

/**
 * Reads a play's name, such as "driven, overlap, forward: crash after rotate secretsmanager.PutSecretValue 1; no events": where it is to
 * end, what is to happen at which effect, the n-th of its kind, and then "no events" if AWS's are lost, and "retried" if Secrets Manager
 * repeats a step that has failed.
 */
export function parsePlay(name: string) {
  const [what = "", rest = ""] = name.split(": ");
  const [mode, scheme, path] = what.split(", ");
  const parts = rest === "" ? [] : rest.split("; ");
  const situation = { mode, overlap: scheme === "overlap", path: path === "rolled back" ? "rolled-back" : path };
  const isKnown = /^(driven|native), (one password|overlap), (forward|rolled back)$/.test(what);
  if (!isKnown) throw new Error(`There is no such play: ${name}`);
  const faults = parts
    .filter((part) => part !== "no events" && part !== "retried" && !isInterference(part))
    .map((part) => {
      const [, fault, roll, at] = FAULT.exec(part) ?? [];
      if (fault === undefined || at === undefined) throw new Error(`There is no such play: ${name}`);
      return { fault: fault as Fault, at, ...(roll === undefined ? {} : { roll: Number(roll) }) };
    });
  const acts = parts.filter(isInterference);
  const [silent, retried] = [parts.includes("no events"), parts.includes("retried")];
  return { situation: situation as Situation, faults, acts, silent, retried };
}

interface Report {
  readonly broken: readonly string[];
  readonly end: string;
  /** False: no effect of the run was one that was to meet a fault. */
  readonly isMet?: boolean;
}

/** Runs a play, and adds what was told and put on the buses meanwhile. One that has no end is given up. */
async function told(arena: FaultArena, run: () => Promise<Report>): Promise<Result | undefined> {
  const { account } = arena;
  // What the play before has left is not counted as this one's.
  await account.idle();
  const marks = { inbox: account.sns.inbox().length, events: account.events.seen().length };
  const known = account.states.executions().length;
  let calls = 0;
  let giveUp: (() => void) | undefined;
  const endless = new Promise<undefined>((resolve) => {
    giveUp = () => resolve(undefined);
  });
  using _count = account.intercept(() => {
    calls += 1;
    if (calls < MOST_CALLS) return undefined;
    giveUp?.();
    // Nobody is answered any more, so that whatever goes round in circles stands still.
    return new Promise<never>(() => {});
  });
  const report = await Promise.race([run(), endless]);
  if (report === undefined) return { broken: [`It goes on after ${MOST_CALLS} calls.`], end: "none", said: [] };
  if (report.isMet === false && report.broken.length === 0) return undefined;
  const events = account.events.seen().slice(marks.events);
  const names = events.flatMap(({ source, detail, "detail-type": type }) => {
    if (source.startsWith("rotor")) return detail["kind"] === "finding" ? [] : [type];
    const name = String(detail["eventName"]);
    return /^Rotation|^TestRotation/.test(name) ? [name] : [];
  });
  return {
    broken: [...report.broken, ...tooEarly(account.states.executions().slice(known))],
    end: `${report.end} | events ${[...new Set(names)].sort().join()}`,
    said: whatWasSaid(account.sns.inbox().slice(marks.inbox), arena.deployment.topicArns.email),
  };
}

/** No time passes in a run by itself, and a session that began before it is to be older than what it rotates. */
function laterThanSessions({ account, clock }: FaultArena): Disposable {
  let isFirst = true;
  return account.intercept(() => {
    if (!isFirst) return undefined;
    isFirst = false;
    return clock.advance(1000).then(() => undefined);
  });
}

/** What a scenario wants of the target, which has no connections here. */
function withTargetFaults(arena: FaultArena): Disposable {
  const { fake } = arena.target as FakeTargetOfRuns;
  const before = arena.doors.target;
  arena.doors.target = async (request, _caller, answer) => {
    const fault = fake.fault(request);
    if (fault === undefined) return answer();
    if (fault === "lose-reply") answer();
    return undefined;
  };
  return {
    [Symbol.dispose]() {
      arena.doors.target = before;
    },
  };
}

function isInterference(part: string): boolean {
  return part.startsWith(SWEPT) || part.startsWith(ASKED);
}

function isAws(source: string): boolean {
  return source.startsWith("aws.");
}
