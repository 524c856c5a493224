import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, holds, type Secret } from "../versions/secret.ts";

/**
 * A rotation is cancelled, before promotion, by taking AWSPENDING off the candidate (anybody may), or in native mode by
 * CancelRotateSecret, which turns RotationEnabled false.
 *
 * One read that shows it may be stale, since the claim is only just written. So a second read is made, and on the first
 * attempt of a step two such reads are still answered with "look again".
 *
 * @throws RotationError VersionNotVisible (first attempt), RotationCancelled, RotationInProgress (a racing claim has taken
 *   ROTATION_CANDIDATE)
 */
export async function checkNotCancelled(
  {
    client,
    secretArn,
    token,
  }: { readonly client: SecretsManagerClient; readonly secretArn: string; readonly token: string },
  seen: {
    /** Whether the caller's own read shows AWSPENDING, and what else is needed, on the candidate. */
    readonly pending: boolean;
    /** The labels that the candidate needs; AWSPENDING alone where absent. */
    readonly needs?: readonly string[];
    /** Native mode: the description that was read, for RotationEnabled. */
    readonly native?: Pick<Secret, "rotationEnabled">;
    /** How often the step was tried before. */
    readonly retries: number;
  },
): Promise<void> {
  const off = seen.native?.rotationEnabled === false;
  if (seen.pending && !off) return;
  const { labels, rotationEnabled } = await describeSecret(client, secretArn);
  const missing = (seen.needs ?? [AWSPENDING]).filter((label) => !holds(labels, token, label));
  const stillOff = off && rotationEnabled === false;
  if ((missing.length === 0 || holds(labels, token, AWSCURRENT)) && !stillOff) return;
  const fact = stillOff ? "rotation is turned off" : `version ${token} does not show ${missing.join(" and ")}`;
  if (seen.retries === 0) {
    throw new RotationError("VersionNotVisible", `${secretArn}: ${fact}; looking again.`);
  }
  if (!stillOff && !missing.includes(AWSPENDING)) {
    throw new RotationError("RotationInProgress", `${secretArn}: ${fact}; another rotation has taken it.`);
  }
  throw new RotationError("RotationCancelled", `${secretArn}: ${fact} (any more): the rotation is cancelled.`);
}
