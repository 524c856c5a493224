import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import { isGate } from "../is-gate.ts";
import { moveLabel } from "./move-label.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  describeSecret,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
  readVersion,
  type Secret,
} from "./secret.ts";

export interface Discard {
  readonly secretArn: string;
  readonly token: string;
  /**
   * The rotation function of native secrets: an empty placeholder of another one is that one's. Absent: the caller knows that
   * the version is ours, because Secrets Manager has called us for it.
   */
  readonly gateFunctionArn?: string;
}

/**
 * Takes AWSPENDING off a version that is not to be rotated in (any more), and then ROTATION_CANDIDATE, which says that it is
 * ours, once AWSPENDING is seen to be gone; AWSPENDING again, where it has come back meanwhile. The version may be an empty
 * placeholder, or may not exist. A version that holds AWSCURRENT, or that is not ours, is left alone.
 *
 * May be repeated. Always issues both moves: a read never proves that one is unnecessary.
 *
 * @returns the secret as it is afterwards; undefined when it does not exist (any more)
 * @throws RotationError VersionNotVisible (a read contradicts our own write), AccessDenied, Throttled, ServiceUnavailable
 */
export async function discard(client: SecretsManagerClient, wanted: Discard): Promise<Secret | undefined> {
  const { secretArn, token } = wanted;
  try {
    const before = await describeSecret(client, secretArn);
    if (before.deleted || holds(before.labels, token, AWSCURRENT)) return before;
    if (wanted.gateFunctionArn !== undefined && !(await isOurs(client, before, token, wanted.gateFunctionArn)))
      return before;
    await takeOff(client, wanted, AWSPENDING);
    const after = await takeOff(client, wanted, ROTATION_CANDIDATE);
    // The gate may have written the value, with both labels, in between. A retry would not take the version for ours any more.
    return holds(after.labels, token, AWSPENDING) ? await takeOff(client, wanted, AWSPENDING) : after;
  } catch (error) {
    if (error instanceof RotationError && error.name === "SecretNotFound") return undefined;
    throw error;
  }
}

async function takeOff(client: SecretsManagerClient, { secretArn, token }: Discard, label: string): Promise<Secret> {
  await moveLabel(client, { secretArn, label, from: token });
  const after = await describeSecret(client, secretArn);
  if (!holds(after.labels, token, label)) return after;
  throw new RotationError(
    "VersionNotVisible",
    `Version ${token} of ${secretArn} still shows ${label} after it was taken off.`,
  );
}

/**
 * A version is ours to tidy when it carries a label of ours, or is an empty placeholder of our own rotation function. One
 * that another function has filled may hold the only password that works, under no other label than AWSPENDING.
 */
async function isOurs(client: SecretsManagerClient, secret: Secret, token: string, gate: string): Promise<boolean> {
  if (secret.owningService !== undefined || secret.type !== undefined || isReplica(secret)) return false;
  const labels = await labelsOfValue(client, secret.arn, token);
  if (labels === undefined) return secret.rotationLambdaArn === undefined || isGate(secret.rotationLambdaArn, gate);
  const seen = [...(secret.labels[token] ?? []), ...labels];
  return seen.includes(ROTATION_CANDIDATE) || seen.includes(ROTATION_ROLLED_BACK);
}

function isReplica({ arn, primaryRegion }: Secret): boolean {
  return primaryRegion !== undefined && primaryRegion !== arn.split(":")[3];
}

async function labelsOfValue(client: SecretsManagerClient, secretArn: string, token: string) {
  try {
    return (await readVersion(client, secretArn, token)).labels;
  } catch (error) {
    if (error instanceof RotationError && error.name === "VersionNotVisible") return undefined;
    // A binary value is not one of ours.
    if (error instanceof RotationError && error.name === "ConfigurationInvalid") return [];
    throw error;
  }
}
