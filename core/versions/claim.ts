import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import { moveLabel } from "./move-label.ts";
import { putCandidate } from "./put-candidate.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, holderOf, holds, ROTATION_CANDIDATE, type Secret } from "./secret.ts";

export interface Claim {
  readonly secretArn: string;
  readonly token: string;
  /** The version that was AWSCURRENT when the rotation was planned. */
  readonly base: string;
  /** Builds the candidate's SecretString. Called at most once, and only when the candidate has to be written. */
  readonly createValue: (secret: Secret) => Promise<string>;
  /** Whether the rotation that left ROTATION_CANDIDATE on a version has let go of it (ended SUCCEEDED or NotConverged). */
  readonly isFinished: (versionId: string) => Promise<boolean>;
}

/**
 * Driven mode: makes the candidate ours, or refuses. AWSPENDING is not a lock (PutSecretValue with it would steal it from
 * another version), UpdateSecretVersionStage is a compare-and-swap: so the value is written under ROTATION_CANDIDATE, and
 * AWSPENDING is then moved conditionally.
 *
 * May be repeated. Two writes when nothing was done before.
 *
 * @throws RotationError RotationInProgress when somebody else is at work: nothing but our own version was written, and its
 *   labels are for Discard to take off
 */
export async function claim(client: SecretsManagerClient, wanted: Claim): Promise<Secret> {
  const secret = await describeSecret(client, wanted.secretArn);
  const { labels } = secret;
  const current = holderOf(labels, AWSCURRENT);
  // Case 1: a repetition after promotion. Nothing left to claim.
  if (current === wanted.token) return secret;
  // Case 2: somebody else moved AWSCURRENT since the plan.
  if (current !== wanted.base) {
    throw inProgress(
      wanted,
      `AWSCURRENT is on version ${current ?? "none"}, and was on ${wanted.base} when this rotation was planned`,
    );
  }
  // Case 3: a repetition after the whole claim.
  if (holds(labels, wanted.token, AWSPENDING) && holds(labels, wanted.token, ROTATION_CANDIDATE)) return secret;
  // Case 4: another version is being rotated in. Not ours: not touched.
  const pending = holderOf(labels, AWSPENDING);
  if (pending !== undefined && pending !== wanted.token && pending !== current) {
    throw inProgress(wanted, `version ${pending} holds AWSPENDING`);
  }
  const candidate = holderOf(labels, ROTATION_CANDIDATE);
  if (
    candidate !== undefined &&
    candidate !== wanted.token &&
    candidate !== current &&
    !(await wanted.isFinished(candidate))
  ) {
    throw inProgress(wanted, `version ${candidate} holds ROTATION_CANDIDATE and its rotation has not let go of it`);
  }
  // Case 5: nothing was written, or only the value.
  if (candidate !== wanted.token) {
    await putCandidate(client, { ...wanted, value: await wanted.createValue(secret), labels: [ROTATION_CANDIDATE] });
  }
  // A leftover AWSPENDING on AWSCURRENT is what AWS's own templates leave behind (secrets-manager-rotation 0, fact 7).
  const move = {
    secretArn: wanted.secretArn,
    label: AWSPENDING,
    to: wanted.token,
    from: pending === current ? current : undefined,
  };
  if ((await moveLabel(client, move)) === "moved") return secret;
  // Refused: either an earlier attempt's move has landed, or somebody was faster.
  const now = await describeSecret(client, wanted.secretArn);
  if (holds(now.labels, wanted.token, AWSPENDING)) return now;
  throw inProgress(
    wanted,
    `AWSPENDING could not be claimed; it is on version ${holderOf(now.labels, AWSPENDING) ?? "none"}`,
  );
}

function inProgress(wanted: Claim, because: string): RotationError {
  return new RotationError(
    "RotationInProgress",
    `${wanted.secretArn} was not claimed for version ${wanted.token}: ${because}. The target was not touched.`,
  );
}
