import type { SFNClient } from "@aws-sdk/client-sfn";
import { parseCredential, readCredential, type Target } from "../credentials.ts";
import { RotationError } from "../errors.ts";
import { describeExecution, executionsOf, isRunning } from "../executions.ts";
import { executionName } from "../identity.ts";
import { passwordGenerator } from "../password.ts";
import type { Policy } from "../policies.ts";
import { claim } from "../versions/claim.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, holds, ROTATION_CANDIDATE, type Secret } from "../versions/secret.ts";
import { checkNotCancelled } from "./cancelled.ts";

export interface CreateSecret {
  readonly target: Target;
  readonly policy: Policy;
  readonly base: string;
  readonly mode: "native" | "driven";
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  /** How often this task was tried before. */
  readonly retries: number;
}

/**
 * The workflow's createSecret. Driven: claims the candidate and writes its value. Native: the gate writes it; this only
 * looks. May be repeated, may be cut off anywhere.
 *
 * @throws RotationError CandidateNotReady (native: no value yet), RotationInProgress (claim lost), RotationCancelled,
 *   ConfigurationInvalid, and what reading and writing throw. The target was not touched in any of these cases.
 */
export async function createSecret(step: CreateSecret): Promise<Secret> {
  const { target } = step;
  if (step.mode === "native") return awaitCandidate(step);
  return claim(target.client, {
    secretArn: target.secretArn,
    token: target.token,
    base: step.base,
    createValue: async () => newValue(target, step.policy, (await readCredential(target, step.base)).credential),
    isFinished: (versionId) => hasLetGo(step, versionId),
  });
}

/**
 * Builds the candidate's SecretString from the base's credential, and proves that it is one.
 * @throws RotationError ConfigurationInvalid
 */
export function newValue({ strategy }: Target, policy: Policy, current: unknown): string {
  const value = JSON.stringify(strategy.createSecret(current, passwordGenerator(policy.password)));
  parseCredential(strategy, value, "The new version");
  return value;
}

async function awaitCandidate({ target, retries }: CreateSecret): Promise<Secret> {
  const secret = await describeSecret(target.client, target.secretArn);
  if (holds(secret.labels, target.token, AWSCURRENT)) return secret;
  const ours = holds(secret.labels, target.token, ROTATION_CANDIDATE);
  // An empty placeholder holds AWSPENDING only; one PutSecretValue of the gate gives it a value and both labels.
  if (!ours) {
    throw new RotationError(
      "CandidateNotReady",
      `Version ${target.token} of ${target.secretArn} has no value of ours yet.`,
    );
  }
  checkNotCancelled(secret.arn, target.token, {
    pending: holds(secret.labels, target.token, AWSPENDING),
    retries,
    secret,
    native: true,
  });
  return secret;
}

async function hasLetGo(step: CreateSecret, versionId: string): Promise<boolean> {
  const { secretArn } = step.target;
  const execution = await describeExecution(step.sfn, step.stateMachineArn, executionName(secretArn, versionId));
  if (execution === undefined) return false;
  const all = await executionsOf(step.sfn, step.stateMachineArn, secretArn, versionId);
  if (all.some(isRunning)) return false;
  return all.some((each) => each.status === "SUCCEEDED" || each.error === "NotConverged");
}
