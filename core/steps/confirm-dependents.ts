import { confirmEvidence } from "../confirm-evidence.ts";
import { readCredential, readCredentialIfAny, rotationContext, type Target } from "../credentials.ts";
import { stragglersOf } from "../dependents/database-sessions.ts";
import { isRetryable, RotationError } from "../errors.ts";
import type { DependentEvidence } from "../outcome.ts";
import type { Policy } from "../policies.ts";
import type { Session } from "../strategies/strategy.ts";
import { isCurrentAfterAll } from "../versions/is-current-after-all.ts";
import { AWSCURRENT } from "../versions/secret.ts";

export interface ConfirmDependents {
  /** Absent when no strategy is declared: then no target can be asked, and no claim becomes strong. */
  readonly target?: Target;
  readonly policy: Policy;
  /** The version before. */
  readonly base: string | null;
  readonly mode: "native" | "driven" | "observed";
  readonly evidence: readonly DependentEvidence[];
  /** Sessions that began before this instant prove nothing. */
  readonly since: Date;
  /** The policy's deadline is over: whoever is missing now is unhealthy. */
  readonly final: boolean;
  /** How often this task was tried before. */
  readonly retries: number;
}

/**
 * Asks the target once which dependents it has seen authenticating since promotion. May be repeated.
 * @throws RotationError DependentNotReady (retryable) or DependentUnhealthy (final): a dependent that the policy wants strong was
 *   not seen; VersionNotVisible (retryable) and then RotationInProgress: the version is not AWSCURRENT any more
 */
export async function confirmDependents(step: ConfirmDependents): Promise<readonly DependentEvidence[]> {
  const sessions = await readSessions(step);
  const { evidence, missing } = confirmEvidence({
    dependents: step.policy.dependents,
    seen: step.evidence,
    sessions,
    sessionsBefore: sessions === undefined ? [] : await readSessionsBefore(step),
    since: step.since,
  });
  if (missing.length === 0) return evidence;
  const told = evidence
    .filter((each) => missing.includes(each.dependent))
    .map((each) => `${each.dependent}: ${each.seen}`);
  throw new RotationError(
    step.final ? "DependentUnhealthy" : "DependentNotReady",
    `The target has not seen ${missing.join(", ")} authenticating with the new version since promotion. ${told.join(" ")}`,
  );
}

async function readSessions(step: ConfirmDependents): Promise<readonly Session[] | undefined> {
  const { target, mode, retries } = step;
  if (target === undefined || (mode === "observed" && target.strategy.sessions === undefined)) return undefined;
  const { credential, labels } = await readCredential(target, target.token);
  // Success says that this version is live. Somebody may have moved AWSCURRENT on since FinishSecret; watching is none of it.
  if (!labels.includes(AWSCURRENT) && mode !== "observed") {
    const isStale = retries === 0 || (await isCurrentAfterAll(target, target.token));
    throw new RotationError(
      isStale ? "VersionNotVisible" : "RotationInProgress",
      `Version ${target.token} of ${target.secretArn} is not AWSCURRENT (any more): somebody else has moved it.`,
    );
  }
  return target.strategy.sessions?.(credential, rotationContext(target));
}

/** Only for dependents that are judged by all of their sessions, and only where the version before has a user of its own. */
async function readSessionsBefore({
  target,
  policy,
  base,
}: ConfirmDependents): Promise<readonly Session[] | "unknown"> {
  const judged = policy.dependents.some((each) => stragglersOf(each) !== undefined);
  if (target === undefined || base === null || !judged || target.strategy.scheme !== "alternating-users") return [];
  const credential = await readCredentialIfAny(target, base);
  if (credential === undefined) return "unknown";
  try {
    return (await target.strategy.sessions?.(credential, rotationContext(target))) ?? "unknown";
  } catch (error) {
    // It may have been locked out or dropped since: then nobody can be asked, and asking again does not change that.
    if (isRetryable(error)) throw error;
    return "unknown";
  }
}
