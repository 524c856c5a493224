import { AWSCURRENT, AWSPREVIOUS, holderOf } from "../../core/versions/secret.ts";
import type { InterceptedCall } from "../../local/wire-calls.ts";
import type { Arena } from "./arena.ts";
import type { Instant } from "./watch.ts";

/** One execution, as far as it was seen. */
export interface Seen {
  readonly name: string;
  readonly token: string;
  readonly mode: string;
  readonly isRepair: boolean;
  readonly started: number;
  /** Before Plan read anything. */
  planned?: Instant;
  /** The steps at which the function was called for: finishSecret first, the others last. */
  tested?: number;
  promoting?: number;
  confirming?: number;
  rollingBack?: number;
  finishTries: number;
  ended?: Instant;
}

export interface WatchedExecutions {
  readonly seen: ReadonlyMap<string, Seen>;
  onCall(call: InterceptedCall, step: number): void;
  /** When the target was last about to be changed. */
  setting(): number;
  /** A version has signed in before AWSCURRENT goes to it; what a person does to the target after that is theirs. */
  isProofOutdated(changed: number): boolean;
  isDiscarding(): boolean;
  /** A version that some execution puts in place, or puts back. */
  isOfRotation(versionId: string): boolean;
}

interface Listener {
  now(): Instant;
  say(line: string): void;
  violate(what: string): void;
}

/** Past these the target may have been touched, and no other execution of the secret may be. */
const PAST_CREATE = new Set(["SetSecret", "TestSecret", "ProbeCandidate", "FinishSecret", "RollBack"]);

/** Follows the executions of one secret that begin from now on. */
export function watchExecutions({ account }: Arena, secretArn: string, listener: Listener): WatchedExecutions {
  const seen = new Map<string, Seen>();
  const pastCreate = new Set<string>();
  /** Versions whose labels a rollback has begun to move. */
  const takingBack = new Set<string>();
  let known = account.states.executions().length;
  let setting = 0;

  return {
    seen,
    onCall(call, step) {
      if (call.caller === "roll-back" && call.operation === "UpdateSecretVersionStage") noteMove(call);
      meet(step);
      checkOneAtWork();
      if (call.service === "lambda" && call.caller === "states" && call.phase === "before") noteStep(call, step);
    },
    setting: () => setting,
    // The step of one that was stopped goes on; its repair waits for that.
    isProofOutdated: (changed) =>
      [...running(), ...withStatus("ABORTED").filter((one) => !isFollowed(one))].some(
        ({ tested = Number.POSITIVE_INFINITY, rollingBack = tested }) => {
          return Math.min(tested, rollingBack) < changed;
        },
      ),
    isOfRotation: (versionId) =>
      [...seen.values()].some(({ token, mode, planned }) => {
        const before = planned && holderOf(planned.labels, mode === "observed" ? AWSPREVIOUS : AWSCURRENT);
        return token === versionId || before === versionId;
      }),
    isDiscarding: () => running().some(({ name }) => lastState(eventsOf(name)) === "Discard"),
  };

  function meet(step: number): void {
    for (const execution of account.states.executions().slice(known)) {
      known += 1;
      const { name, input } = execution.record;
      const { token = "", mode = "", secretArn: arn } = JSON.parse(input) as Record<string, string>;
      if (arn !== secretArn) continue;
      const one: Seen = { name, token, mode, isRepair: mode === "repair", started: step, finishTries: 0 };
      seen.set(name, one);
      void execution.done.then(() => {
        one.ended = listener.now();
        const end = execution.error ?? execution.output?.slice(0, 40) ?? "";
        listener.say(`= ${name.slice(21)} ${execution.status} ${end}`);
      });
    }
  }

  function checkOneAtWork(): void {
    const past = running().filter(({ name, token }) => {
      const events = eventsOf(name);
      // What is only observed touches labels and target in RollBack alone, and there only after it has looked around.
      const isObserved = seen.get(name.replace(/-r\d+$/, ""))?.mode === "observed";
      if (isObserved) return lastState(events) === "RollBack" && takingBack.has(token);
      if (!pastCreate.has(name) && events.some((event) => PAST_CREATE.has(String(stateOf(event))))) {
        pastCreate.add(name);
      }
      return pastCreate.has(name);
    });
    if (past.length <= 1) return;
    listener.violate(`Two executions are past CreateSecret at once: ${past.map(({ name }) => name).join(", ")}.`);
  }

  function noteMove({ input }: InterceptedCall): void {
    const { VersionStage, MoveToVersionId, RemoveFromVersionId } = input as Record<string, string>;
    if (VersionStage === "ROTATION_CANDIDATE" && MoveToVersionId !== undefined) takingBack.add(MoveToVersionId);
    if (VersionStage === "AWSCURRENT" && RemoveFromVersionId !== undefined) takingBack.add(RemoveFromVersionId);
  }

  function noteStep({ input }: InterceptedCall, step: number): void {
    const { Payload } = input as { Payload: Record<string, unknown> };
    if ("rotation" in Payload) {
      const one = seen.get(String(Payload["executionName"]));
      if (one !== undefined) one.planned ??= listener.now();
      return;
    }
    const what = Payload["Step"] ?? Payload["action"];
    const token = Payload["ClientRequestToken"] ?? Payload["token"];
    const one = running().find((each) => each.token === token);
    if (one === undefined) return;
    if (what === "setSecret" || what === "rollBack") setting = step;
    if (what === "testSecret") one.tested = step;
    if (what === "confirmEvidence") one.confirming = step;
    if (what === "rollBack") one.rollingBack = step;
    if (what === "finishSecret") {
      one.promoting ??= step;
      one.finishTries += 1;
    }
  }

  function isFollowed({ token, started }: Seen): boolean {
    return [...seen.values()].some((each) => each.token === token && each.started > started);
  }

  function running(): readonly Seen[] {
    return withStatus("RUNNING");
  }

  function withStatus(...wanted: readonly string[]): readonly Seen[] {
    const all = account.states.executions().filter(({ status }) => wanted.includes(status));
    return all.flatMap(({ record }) => seen.get(record.name) ?? []);
  }

  function eventsOf(name: string): readonly object[] {
    return account.states.executions().find(({ record }) => record.name === name)?.events ?? [];
  }
}

function lastState(events: readonly object[]): unknown {
  return events.map(stateOf).findLast((name) => name !== undefined);
}

function stateOf(event: object): unknown {
  return (event as { stateEnteredEventDetails?: { name?: string } }).stateEnteredEventDetails?.name;
}
