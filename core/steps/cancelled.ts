import { RotationError } from "../errors.ts";
import type { Secret } from "../versions/secret.ts";

/**
 * A rotation is cancelled, before promotion, by taking AWSPENDING off the candidate (anybody may), or in native mode by
 * CancelRotateSecret, which turns RotationEnabled false.
 *
 * A single read without AWSPENDING may be stale, since our own claim is only just written: the first sight is retried,
 * the second one counts.
 *
 * @throws RotationError VersionNotVisible (first sight), RotationCancelled (terminal)
 */
export function checkNotCancelled(
  secretArn: string,
  token: string,
  seen: {
    readonly pending: boolean;
    readonly retries: number;
    readonly secret?: Pick<Secret, "rotationEnabled">;
    readonly native?: boolean;
  },
): void {
  if (seen.native && seen.secret?.rotationEnabled === false) {
    throw new RotationError(
      "RotationCancelled",
      `Rotation of ${secretArn} was turned off while version ${token} was being rotated in.`,
    );
  }
  if (seen.pending) return;
  if (seen.retries === 0) {
    throw new RotationError(
      "VersionNotVisible",
      `Version ${token} of ${secretArn} does not show AWSPENDING; looking again.`,
    );
  }
  throw new RotationError(
    "RotationCancelled",
    `AWSPENDING was taken off version ${token} of ${secretArn}: the rotation is cancelled.`,
  );
}
