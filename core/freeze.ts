import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Target } from "./credentials.ts";
import { isRetryable } from "./errors.ts";
import type { LabelTable, TruthRow } from "./outcome.ts";
import { measureTruth } from "./truth-table.ts";
import { putLabel } from "./versions/restore.ts";
import { describeSecret, ROTATION_FROZEN } from "./versions/secret.ts";

export interface Frozen {
  /** False when ROTATION_FROZEN could not be put on the candidate. */
  readonly frozen: boolean;
  /** null: they could not be read. */
  readonly labels: LabelTable | null;
  /** Empty when nothing could be measured: the policy names no strategy (any more), or the secret cannot be read. */
  readonly truthTable: readonly TruthRow[];
}

/**
 * Freezes a secret that could not be rolled back: puts ROTATION_FROZEN on the candidate, leaves all other labels, and
 * measures which versions open the door. It depends on as little as possible, because something has just failed: the
 * label comes first, and what cannot be measured is left out. May be repeated.
 * @throws RotationError retryable ones, while the label is not on; the last attempt measures without it
 */
export async function freeze(
  secret: {
    readonly client: SecretsManagerClient;
    readonly secretArn: string;
    readonly token: string;
    readonly retries: number;
  },
  findTarget: () => Promise<Target | undefined>,
): Promise<Frozen> {
  const frozen = await putLabel(secret.client, secret.secretArn, ROTATION_FROZEN, secret.token).then(
    () => true,
    (error: unknown) => {
      if (isRetryable(error) && secret.retries < MOST_RETRIES) throw error;
      return false;
    },
  );
  const labels = await describeSecret(secret.client, secret.secretArn).then(
    (description) => description.labels,
    () => null,
  );
  const target = await findTarget().catch(() => undefined);
  return {
    frozen,
    labels,
    truthTable: target === undefined || labels === null ? [] : await measureTruth(target, labels),
  };
}

/** Of the state Freeze: six attempts. What is frozen may be a version that was never written. */
const MOST_RETRIES = 5;
