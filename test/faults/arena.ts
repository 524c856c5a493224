import { FUNCTIONS } from "../../core/blueprint.ts";
import type { PolicyInput } from "../../core/policies.ts";
import { type Account, startAccount } from "../../local/account.ts";
import { deploy } from "../../local/deploy.ts";
import type { RotationRetry } from "../../local/services/index.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { type Arena, handsOn } from "../interleavings/arena.ts";
import { startDependents } from "../interleavings/dependents.ts";
import { type FakeTargetOfRuns, startFake, type Target } from "../interleavings/target.ts";
import type { FakeReply, FakeRequest } from "../support/fake-target.ts";
import type { Fate } from "../support/interposed.ts";
import type { Code } from "./in-process/bundle.ts";
import { inProcess } from "./in-process/environment.ts";
import { FlowingClock, holdingTime } from "./real/flowing-clock.ts";
import type { RealTarget } from "./real/real-target.ts";

/** Effects that are no calls of AWS; set by whoever plays a run. */
export interface Doors {
  target: (request: FakeRequest, caller: string, answer: () => FakeReply) => Promise<FakeReply | undefined>;
  dependent: (url: string, caller: string, answer: () => Promise<Answer>, request: object) => Promise<Answer>;
  /** A connection to a real target, or a statement on it. `forward` resolves once its effect is there. */
  statement: (name: string, caller: string, forward: () => Promise<void>) => Promise<Fate>;
}
type Answer = { readonly status: number; readonly versionIds: readonly string[] };

/** An account whose functions run in this process: everything happens in virtual time, and in the same order each time. */
export interface FaultArena extends Arena {
  readonly doors: Doors;
  /** See `Played`. */
  readonly isProvedEarly: boolean;
  /** How Secrets Manager repeats a failed rotation; null: not at all. */
  readonly retryForm: RotationRetry["form"] | null;
}

export interface FaultArenaOptions {
  readonly code: Partial<Code>;
  readonly rotation?: Partial<RotationRetry>;
  /** In place of the fake one; whoever made it ends it. */
  readonly real?: RealTarget;
  /** In place of one secret for each mode and scheme. `url`: where the dependents are. */
  readonly policies?: (target: FakeTargetOfRuns | RealTarget, url: string) => readonly PolicyInput[];
  /** What is deployed in place of the state machine's definition. */
  readonly definition?: (deployed: string) => string;
}

/** Real pauses of a function up to so many milliseconds are taken at once; what is longer is a limit. */
const PAUSE_MS = 10;
/** A real server gives up waiting for a lock after half of it; nobody else's limits are reached. */
const TARGET_TIMEOUT_MS = "1000";
/** Where real time goes by, however slow the machine is: none of these is near. */
const SLOW_VERIFY = { intervalSeconds: 60, deadlineSeconds: 180 };

const START = "2026-03-02T10:00:00Z";

export async function openFaultArena(options: FaultArenaOptions): Promise<FaultArena> {
  const { code, rotation = { attempts: 0 }, real, policies = onePerSituation, definition = (same) => same } = options;
  const clock = real === undefined ? new VirtualClock({ start: START }) : new FlowingClock({ start: START });
  const target: FakeTargetOfRuns | RealTarget = real ?? (await startFake(() => clock.now()));
  const doors: Doors = {
    statement: (_name, _caller, forward) => forward().then((): Fate => "reply"),
    target: async (_request, _caller, answer) => answer(),
    dependent: (_url, _caller, answer) => answer(),
  };
  const start = inProcess({
    code,
    account: () => account,
    pause: (functionName, milliseconds, payload) => {
      if (!functionName.startsWith("gate")) return milliseconds > PAUSE_MS ? undefined : Promise.resolve();
      // Of the gate's calls time goes on by itself during testSecret only: the others are not known to wait.
      if (payload.includes('"testSecret"')) return clock.sleep(milliseconds, "wait");
      return clock.advance(milliseconds);
    },
    ...(real === undefined ? {} : { net: real.net }),
    askTarget: (request, caller) => doors.target(request, caller, () => answerOf(target, request)),
    askDependent: (request, caller) => {
      const { url, body } = request;
      const answer = async () => {
        const asked = body === undefined ? "" : ((JSON.parse(body) as { versionId?: string }).versionId ?? "");
        const { status, versionId } = await dependents.ask(url, asked);
        return { status, versionIds: versionId === undefined ? [] : [versionId] };
      };
      return doors.dependent(url, caller, answer, request);
    },
  });
  const account: Account = await startAccount({
    clock,
    rotation,
    random: () => 0.5,
    startEnvironment: real === undefined ? start : holdingTime(start, clock),
  });
  real?.open((name, caller, forward) => doors.statement(name, caller, forward));
  const dependents = await startDependents(account, target);
  const deployment = await deploy(withDefinition(account, definition), {
    config: policies(target, dependents.url),
    bundles: Object.fromEntries(Object.keys(FUNCTIONS).map((name) => [name, name])),
    environment: {
      gate: { TARGET_TIMEOUT_MS },
      rotate: { TARGET_TIMEOUT_MS },
      "roll-back": { CONFIRM_PAUSE_MS: "1", TARGET_TIMEOUT_MS },
    },
  });
  await account.events.operations["DisableRule"]?.({ Name: "reconcile" });
  return {
    ...{ account, deployment, clock, target, dependents, doors, gate: real?.gate ?? "gate" },
    isProvedEarly: real?.isProvedEarly ?? false,
    retryForm: rotation.attempts === 0 ? null : (rotation.form ?? "pending-put-back"),
    ...handsOn(account, clock),
    async [Symbol.asyncDispose]() {
      await account.close();
      await dependents[Symbol.asyncDispose]();
      if (real === undefined) await target[Symbol.asyncDispose]();
    },
  };
}

export const ROTATION_MODES = ["native", "driven"] as const;

export function faultSecretName(mode: string, overlap: boolean): string {
  return `faults/${mode}-${overlap ? "overlap" : "single"}`;
}

function answerOf(target: Target, request: FakeRequest): FakeReply {
  if ("fake" in target) return (target as FakeTargetOfRuns).fake.answer(request);
  throw new Error("A real target is not asked without a connection.");
}

function withDefinition(account: Account, change: (deployed: string) => string): Account {
  const { states } = account;
  const CreateStateMachine = (input: unknown) => {
    const { definition, ...rest } = input as { definition: string };
    return states.operations["CreateStateMachine"]?.({ ...rest, definition: change(definition) });
  };
  return { ...account, states: { ...states, operations: { ...states.operations, CreateStateMachine } } };
}

export function onePerSituation(target: FakeTargetOfRuns | RealTarget, url: string): readonly PolicyInput[] {
  const { strategies, administrator } = target;
  const isReal = "seesSessions" in target;
  const isWeak = isReal && !target.seesSessions;
  return ROTATION_MODES.flatMap((mode) =>
    [false, true].flatMap((overlap): PolicyInput | [] => {
      const strategy = overlap ? strategies.overlap : strategies.single;
      if (strategy === undefined) return [];
      return {
        secretId: faultSecretName(mode, overlap),
        mode,
        strategy,
        ...(overlap && administrator !== undefined ? { administratorSecretId: administrator } : {}),
        whenUnhealthy: "roll-back",
        retryAfterRollbackSeconds: 0,
        verify: isReal ? SLOW_VERIFY : { intervalSeconds: 2, deadlineSeconds: 6 },
        dependents: [
          {
            name: "orders",
            kind: "http-endpoint",
            application: "orders",
            ...(isWeak ? { evidence: "weak" } : {}),
            target: { refresh: `${url}/orders/refresh`, verify: `${url}/orders/health`, probe: `${url}/orders/probe` },
          },
        ],
      };
    }),
  );
}
