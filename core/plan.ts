import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { askBaseline } from "./ask-baseline.ts";
import { checkNotManagedElsewhere, checkSecret, requirePolicy } from "./check-secret.ts";
import { classifySecret } from "./classify-secret.ts";
import { type ErrorName, RotationError } from "./errors.ts";
import { requestOf } from "./identity.ts";
import { managedRotationOffer } from "./managed-rotation.ts";
import { planObserved } from "./plan-observed.ts";
import { planRepair } from "./plan-repair.ts";
import { checkFirstPartEnded, checkRequest, readRehearsal } from "./plan-request.ts";
import type { Policy } from "./policies.ts";
import { checkRehearsed } from "./rehearsal.ts";
import type { RotationInput } from "./rotation-input.ts";
import { emptyPlan, type RotationPlan } from "./rotation-plan.ts";
import { AWSCURRENT, AWSPREVIOUS, describeSecret, holderOf, holds, type Secret } from "./versions/secret.ts";

export interface Planner {
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  /** Asks functions/dependents, in one attempt that lasts as long as it may. */
  readonly lambda: LambdaClient;
  readonly dependentsFunctionArn: string;
  readonly stateMachineArn: string;
  readonly region: string;
  readonly policies: readonly Policy[];
  /** The rotation function of native secrets. */
  readonly gateFunctionArn: string;
  /** Digest of the workflow's definition, for rehearsals. */
  readonly definition: string;
  /** How often this task was tried before. */
  readonly retries: number;
  /** The name of the execution that plans. */
  readonly executionName: string;
  /** The workflow's own time, in milliseconds since the epoch: windows, waits and ages go by it. */
  readonly nowMs: number;
}

/**
 * Decides what an execution has to do, and records the state before. Reads only; may be repeated.
 * @throws RotationError what checkSecret and askBaseline throw; RotationCancelled, ConfigurationInvalid; retryable ones
 */
export async function plan(planner: Planner, input: RotationInput): Promise<RotationPlan> {
  if (input.mode === "repair") return planRepair(planner, input);
  const secret = await describeSecret(planner.client, input.secretArn);
  const policy = requirePolicy(planner.policies, secret);
  if (input.mode === "observed") return planObserved(planner, secret, policy, input.token);
  const empty = emptyPlan(secret, policy, input.token, input.mode);
  if (holds(secret.labels, input.token, AWSCURRENT)) {
    return { ...empty, decision: "ignore", reason: "the version is AWSCURRENT already" };
  }
  // First: what is said below about who rotates would mislead of a secret that its owner rotates.
  checkNotManagedElsewhere(secret, planner.region);
  checkMode(secret, policy, input.mode);
  await checkWhoRotates(planner, secret, input.mode);
  await checkFirstPartEnded(planner, secret, input.token);
  const { base } = await checkSecret(secret, input.token, planner);
  const override = checkRehearsed(secret, policy, planner) ?? null;
  const asked =
    input.mode === "driven"
      ? await checkRequest(planner, secret, policy, base, input.token)
      : { decision: "rotate" as const, reason: "asked for", waitSeconds: 0 };
  if (asked.decision !== "rotate") return { ...empty, ...asked, base };
  const rehearsal = await readRehearsal(planner, secret, policy, base, input.token);
  const offer = policy.managedRotation === undefined ? managedRotationOffer(secret, policy) : undefined;
  const emergency = requestOf(input.token, secret.arn, base)?.kind === "emergency";
  return {
    ...empty,
    ...asked,
    base,
    previous: holderOf(secret.labels, AWSPREVIOUS) ?? null,
    ...(await askBaseline(planner, policy, secret, base)),
    mayRollBack: policy.whenUnhealthy === "roll-back" || rehearsal?.part === "roll-back",
    soakSeconds: emergency ? 0 : policy.soakSeconds,
    forcedRollBack: rehearsal?.part === "roll-back",
    secretClass: classifySecret(secret, planner).class,
    rehearsal,
    override,
    advice: offer === undefined ? [] : [offer],
  };
}

/**
 * A policy says who may rotate; which of them does is up to the secret: with rotation enabled it is Secrets Manager.
 * @throws RotationError ConfigurationInvalid
 */
function checkMode(secret: Secret, policy: Policy, mode: "native" | "driven"): void {
  if (policy.mode === mode || (policy.mode === "driven" && mode === "native")) return;
  throw new RotationError(
    "ConfigurationInvalid",
    `${secret.name} has a policy of mode "${policy.mode}", and a rotation of mode "${mode}" was started. Nothing was touched.`,
  );
}

/**
 * A version of a secret whose rotation function is somebody else's is not ours: neither to set nor to discard. RotateSecret and
 * CancelRotateSecret may have changed that only just now, so neither one look nor the first attempt decides.
 * @throws RotationError VersionNotVisible (first attempt), ConfigurationInvalid, RotationCancelled
 */
async function checkWhoRotates(planner: Planner, secret: Secret, mode: "native" | "driven"): Promise<void> {
  const again = () => describeSecret(planner.client, secret.arn);
  const named = (name: ErrorName, isStill: boolean) => (planner.retries === 0 || !isStill ? "VersionNotVisible" : name);
  if (mode === "driven") {
    if (secret.rotationEnabled !== true) return;
    throw new RotationError(
      named("ConfigurationInvalid", (await again()).rotationEnabled === true),
      `${secret.name} has rotation enabled in Secrets Manager, which rotates it then: ask for it with "Rotation Requested" or RotateSecret. Nothing was touched.`,
    );
  }
  if (classifySecret(secret, planner).class === "native foreign") {
    throw new RotationError(
      named("ConfigurationInvalid", classifySecret(await again(), planner).class === "native foreign"),
      `The rotation function of ${secret.name} is ${secret.rotationLambdaArn}. A policy of mode "native" needs ${planner.gateFunctionArn} there. Nothing was touched.`,
    );
  }
  if (secret.rotationEnabled === true) return;
  // It ends a rotation as cancelled: two reads, and not in the first attempt.
  if ((await again()).rotationEnabled === true) return;
  throw new RotationError(
    named("RotationCancelled", true),
    `Rotation of ${secret.name} is not enabled in Secrets Manager (any more).`,
  );
}
