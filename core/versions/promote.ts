import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import type { LabelTable } from "../outcome.ts";
import { moveLabel } from "./move-label.ts";
import { AWSCURRENT, AWSPENDING, AWSPREVIOUS, describeSecret, holderOf, holds, type Secret } from "./secret.ts";

export interface Promotion {
  readonly secretArn: string;
  readonly token: string;
  readonly base: string;
  /** Driven mode takes AWSPENDING off afterwards; native mode leaves that to Secrets Manager. */
  readonly takePendingOff: boolean;
  /** Throws when the rotation was cancelled. Not asked about a candidate that holds AWSCURRENT already. */
  readonly checkCancelled: (secret: Secret) => Promise<void>;
}

/**
 * Moves AWSCURRENT from the base to the candidate. May be repeated: the repeated move is refused, and a read that shows
 * the candidate is success.
 *
 * @returns the labels as they are after the moves: what was read before, with our own moves applied
 * @throws RotationError RotationInProgress (AWSCURRENT is on a third version), RotationCancelled, VersionNotVisible
 */
export async function promote(client: SecretsManagerClient, wanted: Promotion): Promise<LabelTable> {
  const before = await describeSecret(client, wanted.secretArn);
  let labels: LabelTable = before.labels;
  if (!holds(labels, wanted.token, AWSCURRENT)) {
    await wanted.checkCancelled(before);
    const move = { secretArn: wanted.secretArn, label: AWSCURRENT, to: wanted.token, from: wanted.base };
    labels =
      (await moveLabel(client, move)) === "moved"
        ? afterPromotion(labels, wanted)
        : await promotedBefore(client, wanted);
  }
  // Asked even where the read shows no AWSPENDING: a read never proves that a move is unnecessary.
  if (wanted.takePendingOff) {
    await moveLabel(client, { secretArn: wanted.secretArn, label: AWSPENDING, from: wanted.token });
    labels = without(labels, AWSPENDING);
  }
  return labels;
}

async function promotedBefore(client: SecretsManagerClient, wanted: Promotion): Promise<LabelTable> {
  const { labels } = await describeSecret(client, wanted.secretArn);
  if (holds(labels, wanted.token, AWSCURRENT)) return labels;
  const current = holderOf(labels, AWSCURRENT);
  if (current === wanted.base) {
    throw new RotationError(
      "VersionNotVisible",
      `Moving AWSCURRENT of ${wanted.secretArn} from ${wanted.base} to ${wanted.token} was refused, and a read shows it on ${wanted.base}: one of both is stale.`,
    );
  }
  throw new RotationError(
    "RotationInProgress",
    `AWSCURRENT of ${wanted.secretArn} was moved by somebody else: it is on version ${current ?? "none"}, and this rotation started from ${wanted.base}.`,
  );
}

// AWS moves AWSPREVIOUS to the version that AWSCURRENT left (UpdateSecretVersionStage; secrets-manager-rotation 3.1).
function afterPromotion(labels: LabelTable, { token, base }: Promotion): LabelTable {
  const bare = without(without(labels, AWSCURRENT), AWSPREVIOUS);
  return { ...bare, [base]: [...(bare[base] ?? []), AWSPREVIOUS], [token]: [...(bare[token] ?? []), AWSCURRENT] };
}

function without(labels: LabelTable, label: string): LabelTable {
  const rows = Object.entries(labels).map(([id, held]) => [id, held.filter((each) => each !== label)] as const);
  return Object.fromEntries(rows.filter(([, held]) => held.length > 0));
}
