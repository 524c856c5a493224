import { rotationContext, type Target } from "./credentials.ts";
import { RotationError } from "./errors.ts";
import { isLastLabel, ROTATION_CANDIDATE, type Secret } from "./versions/secret.ts";

/**
 * The new candidate takes ROTATION_CANDIDATE from the one before. Where that is the last label of a version, a person has
 * moved AWSCURRENT away from it, and its password may be the only one that works: then AWSCURRENT has to sign in first.
 *
 * @param current the credential of AWSCURRENT
 * @throws RotationError CredentialDrift, TargetUnavailable: nothing was written
 */
export async function checkLastLabel(target: Target, secret: Secret, current: unknown): Promise<void> {
  if (!isLastLabel(secret.labels, ROTATION_CANDIDATE, target.token)) return;
  const answer = await target.strategy.signIn(current, rotationContext(target));
  if (answer === "accepted") return;
  throw new RotationError(
    answer === "rejected" ? "CredentialDrift" : "TargetUnavailable",
    `Whether the target accepts AWSCURRENT of ${secret.name} has to be known before ${ROTATION_CANDIDATE} is taken from the only version that has no other label, and it is ${answer}. Nothing was touched.`,
  );
}
