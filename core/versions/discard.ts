import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
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

/**
 * Takes AWSPENDING and ROTATION_CANDIDATE off a version that was never set at the target. The version may be an empty
 * placeholder, or may not exist. A version that holds AWSCURRENT, or that is not ours, is left alone.
 *
 * May be repeated. Always issues both moves: a read never proves that one is unnecessary.
 *
 * @returns the secret as it is afterwards; undefined when it does not exist (any more)
 * @throws RotationError VersionNotVisible (a read contradicts our own write), AccessDenied, Throttled, ServiceUnavailable
 */
export async function discard(
  client: SecretsManagerClient,
  secretArn: string,
  token: string,
  labels: readonly string[] = [AWSPENDING, ROTATION_CANDIDATE],
): Promise<Secret | undefined> {
  try {
    const before = await describeSecret(client, secretArn);
    if (!(await isOurs(client, before, token))) return before;
    for (const label of labels) await moveLabel(client, { secretArn, label, from: token });
    const after = await describeSecret(client, secretArn);
    const left = labels.filter((label) => holds(after.labels, token, label));
    if (left.length === 0) return after;
    throw new RotationError(
      "VersionNotVisible",
      `Version ${token} of ${secretArn} still shows ${left.join(", ")} after it was taken off.`,
    );
  } catch (error) {
    if (error instanceof RotationError && error.name === "SecretNotFound") return undefined;
    throw error;
  }
}

/**
 * A version is ours to tidy when it carries a label of ours, or is an empty placeholder. One that another rotation function
 * has filled may hold the only password that works, under no other label than AWSPENDING.
 */
async function isOurs(client: SecretsManagerClient, secret: Secret, token: string): Promise<boolean> {
  const managed = secret.owningService !== undefined || secret.type !== undefined;
  if (secret.deleted || managed || holds(secret.labels, token, AWSCURRENT)) return false;
  const labels = await labelsOfValue(client, secret.arn, token);
  const seen = [...(secret.labels[token] ?? []), ...(labels ?? [])];
  return labels === undefined || seen.includes(ROTATION_CANDIDATE) || seen.includes(ROTATION_ROLLED_BACK);
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
