import type { Behaviour, PlannedAction, PlannedFault, Scenario } from "../interleavings/scenario.ts";

interface Waiting {
  /** Secrets Manager gives a step up after some seconds, and comes again soon, while the workflow goes on. */
  readonly isImpatient?: true;
}

/** When everything is quiet. */
const LATER = 1_000_000;

interface Scene extends Partial<Omit<Scenario, "behaviours" | "actions">>, Waiting {
  readonly orders?: Behaviour;
  /** What, with which roll, and before which call of the account. Without one: when everything is quiet. */
  readonly acts?: readonly (readonly [action: PlannedAction["action"], roll?: number, atCall?: number])[];
}

/** What is more than one rotation with faults at its effects. People act when everything is quiet, one after the other. */
export const SCENES: Readonly<Record<string, Scenario & Waiting>> = Object.fromEntries(
  Object.entries({
    "a dependent that lies": { orders: "lying" },
    "a dependent that lies, with overlap": { orders: "lying", overlap: true },
    "a dependent that was down before": { orders: "down" },
    "a dependent that refuses the candidate": { orders: "refusing", overlap: true },
    "a dependent that comes late": { orders: "flaky", flakySeconds: 4 },
    "a dependent that dies": { orders: "dying" },
    "a dependent that caches, with overlap": { orders: "caching", overlap: true },
    "a dependent that caches, and evidence that cannot be had": { orders: "caching", faults: [refused(3, 5)] },
    "a dependent that caches, and evidence that cannot be had, with overlap": {
      ...{ orders: "caching", overlap: true, faults: [refused(3, 5)] },
    },
    "a promoted version that is kept": { orders: "deaf", shape: "kept" },
    "a promoted version that is kept, natively": { orders: "deaf", shape: "kept", mode: "native" },
    "a rotation that soaks": { shape: "kept" },
    "a rollback, and another attempt": { orders: "deaf", acts: [["request", 0.4]] },
    "a success, and another rotation": { acts: [["request", 0.2]] },
    "a success, and another rotation, natively": { mode: "native", acts: [["rotate again"]] },
    "a success, its last event once more, and a stale request": {
      acts: [
        ["repeat an event", 0],
        ["repeat an event", 0.3],
        ["repeat an event", 0.6],
        ["request for a stale version", 0.4],
      ],
    },
    "a success that is taken back by a repair": { acts: [["repair", 0]] },
    "a success that is taken back by a repair, with a dependent that caches": {
      orders: "caching",
      acts: [["repair", 0]],
    },
    "a leftover AWSPENDING on AWSCURRENT": {
      acts: [
        ["put a value", 0.3],
        ["move AWSCURRENT", 0.99],
        ["request", 0.2],
      ],
    },
    "a target that has gone back to the password before": {
      acts: [
        ["change the password", 0.5],
        ["request", 0.2],
      ],
    },
    "a native rotation that is retried as it was": { mode: "native", orders: "deaf", retryForm: "same-token" },
    "a native rotation that is retried under a new token": { mode: "native", orders: "deaf", retryForm: "new-token" },
    "a native rotation that is put back": { mode: "native", orders: "deaf", retryForm: "pending-put-back" },
    "a native rotation that is given up, and comes again under a new token while it soaks": {
      ...{ mode: "native", shape: "kept", retryForm: "new-token", isImpatient: true },
    },
    "a native rotation without events": { mode: "native", events: { lose: 1, double: 0, delay: 0 } },
    "a promoted version that is kept, and whose execution is stopped": {
      shape: "kept",
      acts: [["stop the execution", 0, 38]],
    },
    "a native rollback that failed, and another rotation without events": {
      ...{ mode: "native", orders: "dying", acts: [["rotate again"]], events: { lose: 1, double: 0, delay: 0 } },
    },
    "a rollback that failed, and a repair": { orders: "dying", acts: [["repair", 0]] },
    "a rollback that failed, an unfreezing and a repair": { orders: "dying", acts: [["unfreeze"], ["repair", 0]] },
    "a native rollback, and another rotation at once": {
      ...{ mode: "native", shape: "kept", faults: [refused(1, 5)], acts: [["rotate again"]] },
    },
    "a success, and a request, natively": { mode: "native", acts: [["request", 0.2]] },
    "what somebody else rotates, and once more while it is to be taken back": {
      ...{ mode: "observed", orders: "deaf", acts: [["somebody rotates", 0.1, 60]] },
    },
    "what somebody else rotates": { mode: "observed" },
    "what somebody else rotates, and nobody follows": { mode: "observed", orders: "deaf" },
    "what somebody else rotates, with overlap, and nobody follows": { mode: "observed", orders: "deaf", overlap: true },
    "what somebody else rotates twice": { mode: "observed", acts: [["somebody rotates", 0.1]] },
  } satisfies Record<string, Scene>).map(([name, scene]) => [name, scenarioOf(scene)]),
);

function scenarioOf({ orders = "reloading", acts = [], ...scene }: Scene): Scenario & Waiting {
  return {
    ...{ seed: 0, mode: "driven", overlap: false, shape: "followed", retryForm: null, flakySeconds: 1, faults: [] },
    ...{ events: { lose: 0, double: 0, delay: 0 }, eventSeed: 1, behaviours: { orders, reports: "reloading" } },
    ...scene,
    actions: acts.map(([action, roll = 0, atCall = LATER]) => ({ action, roll, atCall })),
  };
}

/** So many requests to the target are not taken. */
function refused(atRequest: number, times: number): PlannedFault {
  return { fault: "refuse", atRequest, times, seconds: 0 };
}
