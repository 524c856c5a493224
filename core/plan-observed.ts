import { checkNotFrozen } from "./check-secret.ts";
import { classifySecret } from "./classify-secret.ts";
import { RotationError } from "./errors.ts";
import type { Planner } from "./plan.ts";
import type { Policy } from "./policies.ts";
import { emptyPlan, type RotationPlan } from "./rotation-plan.ts";
import { AWSCURRENT, AWSPREVIOUS, holderOf, holds, type Secret } from "./versions/secret.ts";

/**
 * Somebody else has rotated: the version is live, and what there is to do is to see that the dependents follow. Reads only.
 * @throws RotationError SecretFrozen, VersionNotVisible (retryable: the version does not show as AWSCURRENT yet)
 */
export function planObserved(planner: Planner, secret: Secret, policy: Policy, token: string): RotationPlan {
  checkNotFrozen(secret);
  const { class: secretClass, can } = classifySecret(secret, planner);
  const observed = { ...emptyPlan(secret, policy, token, "observed"), secretClass };
  if (!holds(secret.labels, token, AWSCURRENT)) {
    // The move has only just been told. One read is not believed: nobody else is going to observe this version.
    if (planner.retries === 0) throw notYet(secret, token);
    return { ...observed, decision: "ignore", reason: "the version is not AWSCURRENT any more" };
  }
  const base = holderOf(secret.labels, AWSPREVIOUS) ?? null;
  return {
    ...observed,
    decision: "observe",
    reason: "rotated by somebody else",
    base,
    // The state before is gone: whether the dependents were healthy on the old version cannot be known any more.
    dependents: policy.dependents.map(({ name }) => ({ name, wasHealthy: true })),
    mayRollBack: policy.whenUnhealthy === "roll-back" && can.rollBackLabels && base !== null,
  };
}

function notYet({ name }: Secret, token: string): RotationError {
  return new RotationError(
    "VersionNotVisible",
    `Version ${token} of ${name} does not show as AWSCURRENT; looking again.`,
  );
}
