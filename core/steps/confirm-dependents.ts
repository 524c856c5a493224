import { confirmEvidence } from "../confirm-evidence.ts";
import { readCredential, rotationContext, type Target } from "../credentials.ts";
import { RotationError } from "../errors.ts";
import type { DependentEvidence } from "../outcome.ts";
import type { Policy } from "../policies.ts";

export interface ConfirmDependents {
  /** Absent when no strategy is declared: then no target can be asked, and no claim becomes strong. */
  readonly target?: Target;
  readonly policy: Policy;
  readonly evidence: readonly DependentEvidence[];
  /** Sessions that began before this instant prove nothing. */
  readonly since: Date;
  /** The policy's deadline is over: whoever is missing now is unhealthy. */
  readonly final: boolean;
}

/**
 * Asks the target once which dependents it has seen authenticating since promotion. May be repeated.
 * @throws RotationError DependentNotReady (retryable) or DependentUnhealthy (final): a dependent that the policy wants strong was
 *   not seen
 */
export async function confirmDependents(step: ConfirmDependents): Promise<readonly DependentEvidence[]> {
  const { evidence, missing } = confirmEvidence({
    dependents: step.policy.dependents,
    seen: step.evidence,
    sessions: await readSessions(step.target),
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

async function readSessions(target: Target | undefined) {
  if (target?.strategy.sessions === undefined) return undefined;
  const { credential } = await readCredential(target, target.token);
  return target.strategy.sessions(credential, rotationContext(target));
}
