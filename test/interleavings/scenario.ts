import type { RotationRetry } from "../../local/services/index.ts";
import { createRandom, type Random } from "./random.ts";

/** How a dependent behaves, from the first moment of a run. */
export type Behaviour =
  | "reloading" // reads the secret again when it is refused, and when it is asked to
  | "caching" // only when it is asked to
  | "silent" // as reloading, and never says which version it uses
  | "refusing" // says no to every refresh
  | "deaf" // says yes to a refresh, and does nothing
  | "flaky" // cannot be refreshed for some time
  | "down" // is not healthy, from the beginning
  | "dying" // is not healthy any more once it was refreshed
  | "lying"; // says that it uses whatever it was last told of

/** What somebody does in the middle of it all. */
export type Action =
  | "rotate again"
  | "rotate again with the same token"
  | "request"
  | "request for a stale version"
  | "repeat an event"
  | "move AWSCURRENT"
  | "take AWSPENDING off"
  | "cancel the rotation"
  | "put a value"
  | "change the password"
  | "stop the execution"
  | "repair"
  | "unfreeze"
  | "reconcile"
  | "somebody rotates";

export interface PlannedAction {
  readonly action: Action;
  /** Before which call of the account, counted from the beginning of the run; later ones happen when all is quiet. */
  readonly atCall: number;
  /** In [0, 1): which version, token or event it is about. */
  readonly roll: number;
}

export interface PlannedFault {
  readonly fault: "refuse" | "lose-request" | "lose-reply";
  /** From which request to the target on. */
  readonly atRequest: number;
  /** For so many requests, or for so many seconds of the account's time. */
  readonly times: number;
  readonly seconds: number;
}

export const MODES = ["native", "driven", "observed"] as const;
export const SHAPES = ["alone", "followed", "kept"] as const;
/** How Secrets Manager repeats a failed rotation; null: not at all. */
export const RETRY_FORMS: readonly (RotationRetry["form"] | null)[] = [
  null,
  "pending-put-back",
  "same-token",
  "new-token",
];

export interface Scenario {
  readonly seed: number;
  readonly mode: (typeof MODES)[number];
  readonly overlap: boolean;
  /** "alone": nobody depends on the secret. "followed": two do. "kept": one does, and a promoted version is kept. */
  readonly shape: (typeof SHAPES)[number];
  readonly retryForm: (typeof RETRY_FORMS)[number];
  /** By the dependent's name. */
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  /** How long a flaky dependent stays so, in seconds. */
  readonly flakySeconds: number;
  readonly actions: readonly PlannedAction[];
  readonly faults: readonly PlannedFault[];
  /** The probabilities that a delivery of an event is lost, doubled or late. */
  readonly events: { readonly lose: number; readonly double: number; readonly delay: number };
  /** Where the fates of events come from. */
  readonly eventSeed: number;
}

/** All that a seed decides. What threads and sockets decide comes on top: the same seed may take another course. */
export function drawScenario(seed: number): Scenario {
  const random = createRandom(seed);
  const mode = random.weighted({ native: 4, driven: 4, observed: 2 });
  const overlap = random.chance(0.5);
  const shape = random.weighted({ alone: 2, followed: 5, kept: 3 });
  const disturbs = random.chance(0.8);
  return {
    seed,
    mode,
    overlap,
    shape,
    retryForm: retryFormOf(seed),
    behaviours: { orders: drawBehaviour(random), reports: drawBehaviour(random) },
    flakySeconds: random.between(1, 12),
    actions: Array.from({ length: disturbs ? random.between(1, 6) : 0 }, () => drawAction(random, mode)),
    faults: random.chance(0.3) ? Array.from({ length: random.between(1, 3) }, () => drawFault(random)) : [],
    events: random.pick([
      { lose: 0, double: 0, delay: 0 },
      { lose: 0, double: 0.5, delay: 0.5 },
      { lose: 0.3, double: 0.3, delay: 0.3 },
      { lose: 1, double: 0, delay: 0 },
    ]),
    eventSeed: random.between(0, 2 ** 31),
  };
}

/** It belongs to the account, so all runs of one account share it. */
export function retryFormOf(seed: number): (typeof RETRY_FORMS)[number] {
  return RETRY_FORMS[seed % RETRY_FORMS.length] ?? null;
}

function drawBehaviour(random: Random): Behaviour {
  return random.weighted<Behaviour>({
    reloading: 5,
    caching: 5,
    silent: 1,
    refusing: 1,
    deaf: 1,
    flaky: 2,
    down: 1,
    dying: 0.5,
    lying: 0.5,
  });
}

function drawAction(random: Random, mode: Scenario["mode"]): PlannedAction {
  const native = mode === "native" ? 1 : 0;
  const observed = mode === "observed" ? 1 : 0;
  const action = random.weighted<Action>({
    "rotate again": native * 2,
    "rotate again with the same token": native,
    request: 2 - native,
    "request for a stale version": 1,
    "repeat an event": 2,
    "move AWSCURRENT": 2,
    "take AWSPENDING off": 2,
    "cancel the rotation": native,
    "put a value": 2,
    "change the password": 1,
    "stop the execution": 3,
    repair: 1,
    unfreeze: 1,
    reconcile: 0.5,
    "somebody rotates": observed * 2,
  });
  return { action, atCall: Math.floor(140 * random.next() ** 1.3), roll: random.next() };
}

function drawFault(random: Random): PlannedFault {
  return {
    fault: random.pick(["refuse", "lose-request", "lose-reply"] as const),
    atRequest: random.between(0, 14),
    times: random.between(1, 3),
    seconds: random.chance(0.2) ? random.between(5, 400) : 0,
  };
}
