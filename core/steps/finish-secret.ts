import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { LabelTable } from "../outcome.ts";
import { promote } from "../versions/promote.ts";
import { AWSPENDING, holds } from "../versions/secret.ts";
import { checkNotCancelled } from "./cancelled.ts";

export interface FinishSecret {
  readonly client: SecretsManagerClient;
  readonly secretArn: string;
  readonly token: string;
  readonly base: string;
  readonly mode: "native" | "driven";
  readonly retries: number;
  /** How long ago this step was begun, over all its attempts, in milliseconds. */
  readonly waitedMs: number;
}

/**
 * Moves AWSCURRENT to the candidate. The same for every strategy: labels need no plaintext. May be repeated.
 * @returns the labels after the moves, and the instant just before the first of them
 * @throws RotationError RotationCancelled, RotationInProgress (somebody else moved AWSCURRENT); VersionNotVisible and others (retryable)
 */
export async function finishSecret(step: FinishSecret): Promise<{ labels: LabelTable; promotedAt: Date }> {
  const { client, secretArn, token, base, mode, retries, waitedMs } = step;
  // Before the first attempt's move, whose reply may be lost: whatever authenticates with the candidate from then on is new.
  const promotedAt = new Date(Date.now() - waitedMs);
  const labels = await promote(client, {
    secretArn,
    token,
    base,
    takePendingOff: mode === "driven",
    checkCancelled: (secret) =>
      checkNotCancelled(
        { client, secretArn, token },
        { pending: holds(secret.labels, token, AWSPENDING), retries, ...(mode === "native" ? { native: secret } : {}) },
      ),
  });
  return { labels, promotedAt };
}
