import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, holds, type Secret } from "../versions/secret.ts";

/**
 * A rotation is cancelled, before promotion, by taking AWSPENDING off the candidate (anybody may), or in native mode by
 * CancelRotateSecret, which turns RotationEnabled false.
 *
 * One read without AWSPENDING may be stale, since the claim is only just written. So a second read is made, and on the first
 * attempt of a step two such reads are still answered with "look again": a cancellation is seen twice, seconds apart.
 *
 * @throws RotationError VersionNotVisible (first sight), RotationCancelled (terminal)
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
  if (seen.native?.rotationEnabled === false) {
    throw new RotationError(
      "RotationCancelled",
      `Rotation of ${secretArn} was turned off while version ${token} was being rotated in.`,
    );
  }
  if (seen.pending) return;
  const { labels } = await describeSecret(client, secretArn);
  const missing = (seen.needs ?? [AWSPENDING]).filter((label) => !holds(labels, token, label));
  if (missing.length === 0 || holds(labels, token, AWSCURRENT)) return;
  if (seen.retries === 0) {
    throw new RotationError(
      "VersionNotVisible",
      `Version ${token} of ${secretArn} does not show ${missing.join(", ")}; looking again.`,
    );
  }
  throw new RotationError(
    "RotationCancelled",
    `${missing.join(" and ")} was taken off version ${token} of ${secretArn}: the rotation is cancelled.`,
  );
}
