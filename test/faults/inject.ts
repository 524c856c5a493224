import type { InterceptedCall, Replacement } from "../../local/wire-calls.ts";
import type { Fate } from "../support/interposed.ts";
import { type Effect, type Fault, isAct } from "./alphabet.ts";
import { died, operationOf, rememberPast, throttled, unavailable } from "./answers.ts";
import type { FaultArena } from "./arena.ts";
import { Crash } from "./in-process/environment.ts";

/** One fault of a run. */
export interface Injection {
  /** Its index, or what `occurrence` says of it, where effects may change places. */
  readonly at: number | string;
  readonly fault: Fault;
  /** Of a person's act: which version is meant, in place of what the fault says. */
  readonly roll?: number;
}

/** An effect by who makes it, what it is, and how often that was so until then: "rotate target.connect 2". */
export function occurrence({ caller, name, index }: Effect, effects: readonly Effect[]): string {
  const same = effects.filter((each) => each.index <= index && each.caller === caller && each.name === name);
  return `${caller} ${name} ${same.length}`;
}

/** By who makes it and what it is: "rotate target.connect". */
export function kindOf({ caller, name }: Effect): string {
  return `${caller} ${name}`;
}

/** How many effects later a late one lands. */
const LATE = 3;
/** How often in a row one is throttled: as often as an asynchronous invocation survives. */
const THROTTLED = 2;

export interface Seam extends Disposable {
  /** Every effect so far. */
  readonly effects: readonly Effect[];
  /** Every fault was one: what it was to be done to was there, and an act of people was not refused. */
  isMet(): boolean;
  /** Whatever was permanent is over, and what was late has landed. */
  heal(): Promise<void>;
}

export interface Around {
  readonly secretArn: string;
  /** What a person does, at once. Returns whether anything came of it. */
  act(fault: Fault, roll?: number): Promise<boolean>;
  /** Something has happened that is no call: a late effect. */
  look(what: string): void;
}

/**
 * Stands at all three doors: numbers what goes out, and does to the effects that are named what is to be done to them. An effect that
 * is not there any more is none.
 */
export function openSeam(arena: FaultArena, injections: readonly Injection[], around: Around): Seam {
  const effects: Effect[] = [];
  const due = new Map<number | string, Injection[]>();
  for (const each of injections) due.set(each.at, [...(due.get(each.at) ?? []), each]);
  const times = new Map<string, number>();
  /** "caller name" -> as what, and how often, it still fails. */
  const failing = new Map<string, { readonly as: Fault; readonly times: number }>();
  let met = 0;
  const act = async (fault: Fault, roll?: number) => {
    if (await around.act(fault, roll)) met += 1;
  };
  const landing: { at: number; land: () => unknown }[] = [];
  const past = rememberPast(arena, around.secretArn);
  /** Of a call that has begun: what it meets after its effect. */
  const after = new WeakMap<object, Fault>();

  const hook = arena.account.intercept((call) => (call.phase === "before" ? before(call) : afterwards(call)));
  arena.doors.target = (request, caller, answer) =>
    pass("target", caller, `target.${request.op}`, async () => answer(), {
      fails: () => undefined,
      lost: () => ({ id: request.id, accepted: true }),
    });
  arena.doors.dependent = (url, caller, answer) =>
    pass("dependent", caller, `dependent.${url.split("/").at(-1)}`, answer, {
      fails: () => ({ status: 0, versionIds: [] }),
    });
  // A target that cannot be reached is so for whoever asks it, whatever they ask.
  const run = (forward: () => Promise<void>) => () => forward().then((): Fate => "reply");
  const ends = { key: "target", fails: (): Fate => "cut", late: (): Fate => "later" };
  arena.doors.statement = (name, caller, forward) => pass("target", caller, `target.${name}`, run(forward), ends);

  return {
    effects,
    isMet: () => met >= injections.length,
    async heal() {
      failing.clear();
      due.clear();
      for (const { land } of landing.splice(0)) await land();
    },
    [Symbol.dispose]() {
      hook[Symbol.dispose]();
      arena.doors.target = async (_request, _caller, answer) => answer();
      arena.doors.dependent = (_url, _caller, answer) => answer();
      arena.doors.statement = (_name, _caller, forward) => run(forward)();
    },
  };

  /** What is to happen at this effect, once acts of people are done. */
  async function meet(
    door: Effect["door"],
    caller: string,
    name: string,
    key = `${caller} ${name}`,
  ): Promise<Fault | undefined> {
    const effect: Effect = { index: effects.length + 1, door, caller, name };
    effects.push(effect);
    for (const one of landing.filter(({ at }) => at <= effect.index)) {
      landing.splice(landing.indexOf(one), 1);
      await one.land();
      around.look("something late");
    }
    const left = failing.get(key);
    if (left !== undefined) failing.set(key, { ...left, times: left.times - 1 });
    let fails: Fault | undefined = left !== undefined && left.times > 0 ? left.as : undefined;
    const called = kindOf(effect);
    times.set(called, (times.get(called) ?? 0) + 1);
    for (const { fault, roll } of [
      ...(due.get(effect.index) ?? []),
      ...(due.get(`${called} ${times.get(called)}`) ?? []),
    ]) {
      if (fault === "permanent") failing.set(key, { as: "error before", times: Number.POSITIVE_INFINITY });
      if (fault === "throttled") failing.set(key, { as: fault, times: THROTTLED - 1 });
      if (isAct(fault) && fault !== "stop after") await act(fault, roll);
      else if (fault === "stop after") fails ??= fault;
      else {
        // Of these it shows later whether they are one.
        if (fault !== "stale" && !(door === "aws" && (fault === "error after" || fault === "crash after"))) met += 1;
        fails = fault === "permanent" ? "error before" : fault;
      }
    }
    return fails;
  }

  async function before(call: InterceptedCall): Promise<Replacement | undefined> {
    const { service, operation, caller = "", input } = call;
    if (caller === "") return undefined;
    const isInvocation = operation === "Invoke";
    const invoked = isInvocation
      ? ` ${String((input as { FunctionName: string }).FunctionName)
          .split(":")
          .at(-1)}`
      : "";
    const fault = await meet("aws", caller, `${service}.${operation}${invoked}`);
    if (operation === "UpdateSecretVersionStage" || operation === "PutSecretValue") past.note(call);
    switch (fault) {
      case "error before":
        throw unavailable(call);
      case "throttled":
        throw throttled(call);
      case "crash before":
        if (isInvocation) return died();
        throw new Crash();
      case "late": {
        const run = operationOf(arena, service, operation);
        landing.push({
          at: effects.length + LATE,
          land: () =>
            Promise.resolve()
              .then(() => run(structuredClone(input)))
              .catch(() => {}),
        });
        throw unavailable(call);
      }
      case "stale":
        return stale(call);
      case "error after":
      case "crash after":
      case "stop after":
        after.set(input as object, fault);
        return undefined;
      default:
        return undefined;
    }
  }

  function stale(call: InterceptedCall): Replacement | undefined {
    const answer = past.answer(call);
    if (answer !== undefined) met += 1;
    if (answer !== undefined && "error" in answer) throw answer.error;
    return answer;
  }

  async function afterwards(call: InterceptedCall): Promise<Replacement | undefined> {
    const fault = after.get(call.input as object);
    if (fault === undefined) return undefined;
    after.delete(call.input as object);
    if (fault === "stop after") {
      await act(fault);
      return undefined;
    }
    // A call that has failed by itself does not come here: there is no effect whose reply could be lost.
    met += 1;
    if (fault === "error after") throw unavailable(call);
    if (call.operation === "Invoke") return died();
    throw new Crash();
  }

  async function pass<T>(
    door: Effect["door"],
    caller: string,
    name: string,
    run: () => Promise<T>,
    { fails, lost, late = fails, key }: Ends<T>,
  ): Promise<T> {
    const fault = await meet(door, caller, name, key);
    switch (fault) {
      case "error before":
      case "throttled":
        return fails() as T;
      case "crash before":
        throw new Crash();
      case "late":
        landing.push({ at: effects.length + LATE, land: run });
        return late() as T;
      case "lost":
        if (lost === undefined) throw new Error(`Of ${name} nobody answers what was not done.`);
        return lost();
      case "error after":
        await run();
        return fails() as T;
      case "crash after":
        await run();
        throw new Crash();
      case "stop after": {
        const reply = await run();
        await act(fault);
        return reply;
      }
      default:
        return await run();
    }
  }
}

/** What whoever is at an effect gets in place of an answer. */
interface Ends<T> {
  readonly fails: () => T | undefined;
  /** Absent: nobody can answer so. */
  readonly lost?: () => T;
  /** Absent: as it fails. */
  readonly late?: () => T | undefined;
  /** What else fails while it does. Absent: the same effect of the same caller. */
  readonly key?: string;
}
