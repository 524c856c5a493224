import { rotationContext, type Target } from "../credentials.ts";
import { readCandidate } from "./set-secret.ts";

/**
 * Signs in with the candidate. May be repeated.
 * @returns when the sign-in worked
 * @throws RotationError CredentialRejected, RotationCancelled, AccessDenied; TargetUnavailable and others (retryable)
 */
export async function testSecret(target: Target, retries: number): Promise<Date> {
  const { credential } = await readCandidate(target, retries);
  await target.strategy.testSecret(credential, rotationContext(target));
  return new Date();
}
