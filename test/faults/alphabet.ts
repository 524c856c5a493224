import type { Action } from "../interleavings/scenario.ts";

/** One thing that the system does to something outside of it: a call of AWS, a request to the target or to a dependent. */
export interface Effect {
  /** From 1, in the order of their happening. */
  readonly index: number;
  readonly door: "aws" | "target" | "dependent";
  /** The function, or the service of the account, whose effect it is. */
  readonly caller: string;
  /** Such as "secretsmanager.PutSecretValue", "lambda.Invoke rotate", "target.set", "dependent.refresh". */
  readonly name: string;
}

/** Faults of the system's surroundings: what was going on has to end as if there had been none. */
export const PASSING = [
  "error before", // it fails, and has had no effect
  "error after", // it fails, and has had its effect: the reply is lost
  "crash before", // whoever was at it dies: no `finally` runs, and what the module remembers is gone
  "crash after",
  "throttled", // it fails as one too many, and so does the next one like it
  "late", // it fails, and its effect comes some effects later
  "stale", // it is answered as it would have been before the last write
  "repeated event", // an event of the run is delivered once more
] as const;

/** Faults that nothing may hide: something else may be the end, but every promise is kept. */
export const LASTING = [
  "lost", // it is answered as done, and has had no effect: nothing but a test can notice. The fake target's only
  "permanent", // it fails from here on, until people see to it
  "stop before", // StopExecution
  "stop after",
  "label moved", // a person gives AWSCURRENT to another version
  "pending taken off",
  "password changed", // to one that nobody knows
  "password of another version",
  "value put",
  "cancelled", // CancelRotateSecret; native only
  "rotated again", // another rotation is asked for
  "deleted", // DeleteSecret, and RestoreSecret once people see to it
] as const;

export type Fault = (typeof PASSING)[number] | (typeof LASTING)[number];

/** What people do, by the names of the interleavings, and the roll that decides which version is meant. */
export const ACTS: Partial<Readonly<Record<Fault, readonly [Action, number]>>> = {
  "stop before": ["stop the execution", 0],
  "stop after": ["stop the execution", 0],
  "label moved": ["move AWSCURRENT", 0],
  "pending taken off": ["take AWSPENDING off", 0],
  "password changed": ["change the password", 0.1],
  "password of another version": ["change the password", 0.99],
  "value put": ["put a value", 0.1],
  cancelled: ["cancel the rotation", 0],
};

/** Something that people do. */
export function isAct(fault: Fault): boolean {
  return fault in ACTS || fault === "repeated event" || fault === "rotated again" || fault === "deleted";
}

/** Every fault that an effect of a run can meet, and that is one there. */
export function injectable(
  effects: readonly Effect[],
  mode: "native" | "driven",
): readonly { readonly effect: Effect; readonly fault: Fault }[] {
  // Before the first write of the secret there is nothing that a stale read could show, and before its first delivery no event.
  const written = effects.findIndex(({ name }) => SECRET_WRITES.test(name));
  const delivered = effects.findIndex(({ caller, name }) => caller === "events" && name.startsWith("lambda.Invoke"));
  const isThere = (at: number, first: number) => first >= 0 && at > first;
  return effects.flatMap((effect, at) =>
    faultsOf(effect, mode)
      .filter((fault) => fault !== "stale" || isThere(at, written))
      .filter((fault) => fault !== "repeated event" || isThere(at, delivered))
      .map((fault) => ({ effect, fault })),
  );
}

function faultsOf(effect: Effect, mode: "native" | "driven"): readonly Fault[] {
  return [...PASSING, ...LASTING].filter((fault) => {
    if (effect.name === "target.connect" && AFTER.has(fault)) return false;
    switch (fault) {
      case "crash before":
      case "crash after":
        // Of an asynchronous invocation Lambda itself says that it was accepted: it crashes at an effect of its own.
        return effect.caller !== "events";
      case "late":
        return isWrite(effect) && !effect.name.startsWith("lambda.Invoke");
      // AWS's word for a write is believed; a target's is not: it is tested.
      case "lost":
        return effect.name === "target.set";
      case "stale":
        return STALE.test(effect.name);
      case "cancelled":
        return mode === "native";
      default:
        return true;
    }
  });
}

const SECRET_WRITES = /^secretsmanager\.(Put|Update)/;
const STALE = /^secretsmanager\.(Describe|Get)/;
const WRITES = /\.(Put|Update|Start|Stop|Publish|Invoke|Tag|Untag|refresh|set)/;
/** Of real targets. */
const STATEMENTS = /^target\.(ALTER|CREATE|DROP|COMMENT|GRANT|REVOKE|COMMIT|ACL S)/;
/** Of a connection nothing is there before its first statement. */
const AFTER: ReadonlySet<Fault> = new Set(["error after", "crash after", "stop after", "late"]);

export function isWrite({ name }: Pick<Effect, "name">): boolean {
  return WRITES.test(name) || STATEMENTS.test(name);
}
