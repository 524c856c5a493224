import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import { moveLabel } from "./move-label.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, holds, ROTATION_CANDIDATE, type Secret } from "./secret.ts";

/**
 * Takes AWSPENDING and ROTATION_CANDIDATE off a version that was never set at the target. The version may be an empty
 * placeholder, or may not exist. A version that holds AWSCURRENT is left alone: its labels are what production uses.
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
    if (before.deleted || holds(before.labels, token, AWSCURRENT)) return before;
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
