import { readCredential, readCredentialIfAny, rotationContext, type Target } from "../credentials.ts";
import { RotationError } from "../errors.ts";
import { isCurrentAfterAll } from "../versions/is-current-after-all.ts";
import { AWSCURRENT, AWSPENDING, ROTATION_CANDIDATE } from "../versions/secret.ts";
import { checkNotCancelled } from "./cancelled.ts";

export interface SetSecret {
  readonly target: Target;
  readonly base: string;
  readonly previous?: string;
  /** How often this task was tried before. */
  readonly retries: number;
}

/**
 * Makes the target accept the candidate. May be repeated, may be cut off anywhere.
 * @returns what the strategy remarks, for people
 * @throws RotationError RotationCancelled, CredentialDrift, CredentialRejected, ConfigurationInvalid, AccessDenied, SessionsOpen;
 *   TargetUnavailable, VersionNotVisible, Throttled, ServiceUnavailable (retryable)
 */
export async function setSecret({ target, base, previous, retries }: SetSecret): Promise<readonly string[]> {
  const candidate = await readCandidate(target, retries);
  // A candidate that holds AWSCURRENT was set and promoted: production uses it, nothing is to be set.
  if (candidate.promoted) return [];
  const current = await readCredential(target, base);
  // Somebody else has promoted since: what is live now may be the very user that would be overwritten.
  if (!current.labels.includes(AWSCURRENT)) {
    const isStale = retries === 0 || (await isCurrentAfterAll(target, base));
    throw new RotationError(
      isStale ? "VersionNotVisible" : "RotationInProgress",
      `Version ${base} of ${target.secretArn} is not AWSCURRENT (any more). This step has not touched the target.`,
    );
  }
  const versions = { candidate: candidate.credential, base: current.credential };
  const remarks: string[] = [];
  const context = { ...rotationContext(target), remark: (sentence: string) => void remarks.push(sentence) };
  try {
    await target.strategy.setSecret(versions, context);
  } catch (error) {
    // AWSPREVIOUS is asked for only where it can help: a drifted target that still has the password before.
    if (!(error instanceof RotationError) || error.name !== "CredentialDrift") throw error;
    const before = await readCredentialIfAny(target, previous);
    if (before === undefined) throw error;
    await target.strategy.setSecret({ ...versions, previous: before }, context);
  }
  return remarks;
}

/** The candidate's credential, after the check that the rotation still owns it. */
export async function readCandidate(
  target: Target,
  retries: number,
): Promise<{ credential: unknown; promoted: boolean }> {
  const { credential, labels } = await readCredential(target, target.token);
  const promoted = labels.includes(AWSCURRENT);
  if (!promoted) {
    // Without ROTATION_CANDIDATE a racing claim has taken it: the only password that works could end on no label at all.
    const needs = [AWSPENDING, ROTATION_CANDIDATE];
    const pending = needs.every((label) => labels.includes(label));
    await checkNotCancelled(target, { pending, needs, retries });
  }
  return { credential, promoted };
}
