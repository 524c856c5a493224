import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetExecutionHistoryCommand, type SFNClient } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { fromAwsError } from "./aws.ts";
import { FUNCTIONS } from "./blueprint.ts";
import { checkNotFrozen, checkSecret, requirePolicy } from "./check-secret.ts";
import { readTarget } from "./dependent-target.ts";
import { RotationError } from "./errors.ts";
import { type Execution, executionsOf, isRunning } from "./executions.ts";
import { type DependentBaseline, labelTable } from "./outcome.ts";
import type { Policy } from "./policies.ts";
import { AWSCURRENT, AWSPREVIOUS, describeSecret, holderOf, holds, type Secret } from "./versions/secret.ts";

export const rotationInput = z.strictObject({
  secretArn: z.string().startsWith("arn:"),
  /** VersionId of the candidate. */
  token: z.string().min(32).max(64),
  mode: z.enum(["native", "driven", "observed", "repair"]),
});
export type RotationInput = z.infer<typeof rotationInput>;

/**
 * What the workflow knows from its first state on: the pre-state that a rollback restores, and the policy's decisions.
 * Ids, names and numbers. Recorded in the execution's history, from where a repair takes it.
 */
export const rotationPlan = z.object({
  decision: z.enum(["rotate", "observe", "roll-back", "discard", "ignore"]),
  reason: z.string(),
  secretArn: z.string(),
  secretName: z.string(),
  token: z.string(),
  /** The mode of the rotation itself: a repair has that of the execution it repairs. */
  mode: z.enum(["native", "driven", "observed"]),
  base: z.string().nullable(),
  previous: z.string().nullable(),
  labels: labelTable,
  strategy: z.string().nullable(),
  owner: z.string().nullable(),
  runbook: z.string().nullable(),
  dependents: z.array(z.object({ name: z.string(), wasHealthy: z.boolean() })),
  /** The dependents that can prove the candidate before promotion. */
  probes: z.array(z.object({ name: z.string() })),
  baseline: z.array(z.object({ dependent: z.string(), health: z.enum(["healthy", "unhealthy"]), seen: z.string() })),
  intervalSeconds: z.number(),
  deadlineSeconds: z.number(),
  mayRollBack: z.boolean(),
  /** Repair: how long to wait until no step of the dead execution can still be at work, in seconds. */
  settleSeconds: z.number(),
  refreshAttempted: z.boolean(),
});
export type RotationPlan = z.infer<typeof rotationPlan>;

export interface Planner {
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  readonly region: string;
  readonly policies: readonly Policy[];
  /** The workflow's own time, in milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * Decides what an execution has to do, and records the state before. Reads only; may be repeated.
 * @throws RotationError what checkSecret throws; RotationCancelled, ConfigurationInvalid; retryable ones
 */
export async function plan(planner: Planner, input: RotationInput): Promise<RotationPlan> {
  if (input.mode === "repair") return planRepair(planner, input);
  const secret = await describeSecret(planner.client, input.secretArn);
  const policy = requirePolicy(planner.policies, secret);
  if (input.mode === "observed") return planObserved(secret, policy, input.token);
  if (policy.mode !== input.mode) {
    throw new RotationError(
      "ConfigurationInvalid",
      `${secret.name} has a policy of mode "${policy.mode}", and a rotation of mode "${input.mode}" was started. Nothing was touched.`,
    );
  }
  if (holds(secret.labels, input.token, AWSCURRENT)) {
    return {
      ...emptyPlan(secret, policy, input.token, input.mode),
      decision: "ignore",
      reason: "the version is AWSCURRENT already",
    };
  }
  checkWhoRotates(secret, input.mode);
  const { base } = await checkSecret(secret, input.token, planner);
  const { dependents, probes, baseline } = await lookAtDependents(policy, secret, base);
  return {
    ...emptyPlan(secret, policy, input.token, input.mode),
    decision: "rotate",
    reason: "asked for",
    base,
    previous: holderOf(secret.labels, AWSPREVIOUS) ?? null,
    dependents,
    probes,
    baseline,
    mayRollBack: policy.whenUnhealthy === "roll-back",
  };
}

/** Somebody else has rotated: the version is live, and all there is to do is to see that the dependents follow. */
async function planObserved(secret: Secret, policy: Policy, token: string): Promise<RotationPlan> {
  const observed = emptyPlan(secret, policy, token, "observed");
  if (!holds(secret.labels, token, AWSCURRENT)) {
    return { ...observed, decision: "ignore", reason: "the version is not AWSCURRENT any more" };
  }
  const base = holderOf(secret.labels, AWSPREVIOUS) ?? null;
  // The state before is gone: whether the dependents were healthy on the old version cannot be known any more.
  const dependents = policy.dependents.map(({ name }) => ({ name, wasHealthy: true }));
  return { ...observed, decision: "observe", reason: "rotated by somebody else", base, dependents };
}

/** Takes up what a stopped, timed-out or failed execution left, from the plan in its history. */
async function planRepair(planner: Planner, input: RotationInput): Promise<RotationPlan> {
  const secret = await describeSecret(planner.client, input.secretArn);
  checkNotFrozen(secret);
  const all = await executionsOf(planner.sfn, planner.stateMachineArn, secret.arn, input.token);
  const [original, ...repairs] = all;
  if (original === undefined) {
    throw new RotationError(
      "ConfigurationInvalid",
      `No execution has rotated version ${input.token} of ${secret.name}: nothing to repair.`,
    );
  }
  if (isRunning(original)) {
    throw new RotationError(
      "RotationInProgress",
      `Execution ${original.name} is still running: it ends by itself or has to be stopped first.`,
    );
  }
  const recorded = await readRecordedPlan(planner.sfn, original);
  const policy = requirePolicy(planner.policies, secret);
  if (recorded === undefined) {
    const mode = original.input["mode"] === "driven" ? "driven" : "native";
    return {
      ...emptyPlan(secret, policy, input.token, mode),
      decision: "discard",
      reason: `${original.name} died before it had a plan`,
    };
  }
  const ended = [original, ...repairs.filter((each) => !isRunning(each))].map((each) => each.stoppedAt?.getTime() ?? 0);
  const quietAt = Math.max(...ended) + (longestStepSeconds() + 30) * 1000;
  return {
    ...recorded,
    decision: "roll-back",
    reason: `repairs ${original.name}`,
    // Asked for by a person, or by the reconciler on the policy's behalf: the promotion is what has to be taken back.
    mayRollBack: true,
    refreshAttempted: true,
    settleSeconds: Math.max(0, Math.ceil((quietAt - planner.nowMs) / 1000)),
  };
}

async function readRecordedPlan(sfn: SFNClient, execution: Execution): Promise<RotationPlan | undefined> {
  const request = { executionArn: execution.arn, maxResults: 100, includeExecutionData: true };
  const history = await sfn
    .send(new GetExecutionHistoryCommand(request))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `states:GetExecutionHistory of ${execution.name}`)));
  for (const event of history.events ?? []) {
    const exited = event.stateExitedEventDetails;
    const assigned = exited?.name === "Plan" ? exited.assignedVariables?.["plan"] : undefined;
    const parsed = assigned === undefined ? undefined : rotationPlan.safeParse(JSON.parse(assigned));
    if (parsed?.success && parsed.data.decision === "rotate") return parsed.data;
  }
  return undefined;
}

function checkWhoRotates(secret: Secret, mode: "native" | "driven"): void {
  if (mode === "driven" && secret.rotationEnabled === true) {
    throw new RotationError(
      "ConfigurationInvalid",
      `${secret.name} has rotation enabled in Secrets Manager: ask RotateSecret for it, and give its policy the mode "native".`,
    );
  }
  if (mode === "native" && secret.rotationEnabled !== true) {
    throw new RotationError(
      "RotationCancelled",
      `Rotation of ${secret.name} is not enabled in Secrets Manager (any more).`,
    );
  }
}

async function lookAtDependents(
  policy: Policy,
  secret: Secret,
  base: string,
): Promise<Pick<RotationPlan, "dependents" | "probes" | "baseline">> {
  const known = policy.dependents.map((dependent) => ({ dependent, ...readTarget(dependent) }));
  const change = { secretArn: secret.arn, secretName: secret.name, versionId: base };
  const baseline = await Promise.all(
    known.map(async ({ dependent, kind, target }): Promise<DependentBaseline> => {
      try {
        const { seen } = await kind.verify(target, change, AbortSignal.timeout(BASELINE_MS));
        return { dependent: dependent.name, health: "healthy", seen };
      } catch (error) {
        return {
          dependent: dependent.name,
          health: "unhealthy",
          seen: error instanceof RotationError ? error.message : "no answer",
        };
      }
    }),
  );
  return {
    baseline,
    dependents: baseline.map(({ dependent, health }) => ({ name: dependent, wasHealthy: health === "healthy" })),
    probes: known
      .filter(({ kind, target }) => kind.probe !== undefined && (kind.canProbe?.(target) ?? true))
      .map(({ dependent }) => ({ name: dependent.name })),
  };
}

function emptyPlan(secret: Secret, policy: Policy, token: string, mode: RotationPlan["mode"]): RotationPlan {
  return {
    decision: "ignore",
    reason: "",
    secretArn: secret.arn,
    secretName: secret.name,
    token,
    mode,
    base: null,
    previous: null,
    labels: secret.labels,
    strategy: policy.strategy ?? null,
    owner: policy.owner ?? null,
    runbook: policy.runbook ?? null,
    dependents: [],
    probes: [],
    baseline: [],
    intervalSeconds: policy.verify.intervalSeconds,
    deadlineSeconds: policy.verify.deadlineSeconds,
    mayRollBack: false,
    settleSeconds: 0,
    refreshAttempted: false,
  };
}

function longestStepSeconds(): number {
  return Math.max(
    FUNCTIONS.rotate.timeoutSeconds,
    FUNCTIONS["roll-back"].timeoutSeconds,
    FUNCTIONS.dependents.timeoutSeconds,
  );
}

const BASELINE_MS = 10_000;
