import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { checkNotFrozen, checkNotManagedElsewhere, checkSecret, requirePolicy } from "./check-secret.ts";
import { readTarget } from "./dependent-target.ts";
import { RotationError } from "./errors.ts";
import type { DependentBaseline } from "./outcome.ts";
import { planRepair } from "./plan-repair.ts";
import type { Policy } from "./policies.ts";
import { emptyPlan, type RotationInput, type RotationPlan } from "./rotation-plan.ts";
import { AWSCURRENT, AWSPREVIOUS, describeSecret, holderOf, holds, type Secret } from "./versions/secret.ts";

export interface Planner {
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  readonly region: string;
  readonly policies: readonly Policy[];
  /** The rotation function of native secrets. */
  readonly gateFunctionArn: string;
  /** How often this task was tried before. */
  readonly retries: number;
  /** The name of the execution that plans. */
  readonly executionName: string;
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
  // First: what is said below about who rotates would mislead of a secret that its owner rotates.
  checkNotManagedElsewhere(secret, planner.region);
  await checkWhoRotates(planner, secret, input.mode);
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
  checkNotFrozen(secret);
  const observed = emptyPlan(secret, policy, token, "observed");
  if (!holds(secret.labels, token, AWSCURRENT)) {
    return { ...observed, decision: "ignore", reason: "the version is not AWSCURRENT any more" };
  }
  const base = holderOf(secret.labels, AWSPREVIOUS) ?? null;
  // The state before is gone: whether the dependents were healthy on the old version cannot be known any more.
  const dependents = policy.dependents.map(({ name }) => ({ name, wasHealthy: true }));
  return { ...observed, decision: "observe", reason: "rotated by somebody else", base, dependents };
}

/** A version of a secret whose rotation function is somebody else's is not ours: neither to set nor to discard. */
async function checkWhoRotates(planner: Planner, secret: Secret, mode: "native" | "driven"): Promise<void> {
  if (mode === "driven") {
    if (secret.rotationEnabled !== true) return;
    throw new RotationError(
      "ConfigurationInvalid",
      `${secret.name} has rotation enabled in Secrets Manager: ask RotateSecret for it, and give its policy the mode "native".`,
    );
  }
  if (secret.rotationLambdaArn !== undefined && secret.rotationLambdaArn !== planner.gateFunctionArn) {
    throw new RotationError(
      "ConfigurationInvalid",
      `The rotation function of ${secret.name} is ${secret.rotationLambdaArn}. A policy of mode "native" needs ${planner.gateFunctionArn} there. Nothing was touched.`,
    );
  }
  if (secret.rotationEnabled === true) return;
  // RotateSecret may have only just turned it on: two reads, and on the first attempt a later one, before it counts.
  const again = await describeSecret(planner.client, secret.arn);
  if (again.rotationEnabled === true) return;
  throw new RotationError(
    planner.retries === 0 ? "VersionNotVisible" : "RotationCancelled",
    `Rotation of ${secret.name} is not enabled in Secrets Manager (any more).`,
  );
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

const BASELINE_MS = 10_000;
