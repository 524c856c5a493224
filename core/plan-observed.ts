import { checkNotFrozen } from "./check-secret.ts";
import { classifySecret } from "./classify-secret.ts";
import { RotationError } from "./errors.ts";
import type { Planner } from "./plan.ts";
import type { Policy } from "./policies.ts";
import { emptyPlan, type RotationPlan } from "./rotation-plan.ts";
import { createdAt } from "./versions/created-at.ts";
import { isCurrentAfterAll } from "./versions/is-current-after-all.ts";
import { AWSCURRENT, AWSPREVIOUS, holderOf, holds, type Secret } from "./versions/secret.ts";

/**
 * Somebody else has rotated: the version is live, and what there is to do is to see that the dependents follow. Reads only.
 * @throws RotationError SecretFrozen; VersionNotVisible (first attempt: the version does not show as AWSCURRENT), AccessDenied,
 *   Throttled, ServiceUnavailable
 */
export async function planObserved(
  planner: Planner,
  secret: Secret,
  policy: Policy,
  token: string,
): Promise<RotationPlan> {
  checkNotFrozen(secret);
  const { class: secretClass, can } = classifySecret(secret, planner);
  const observed = { ...emptyPlan(secret, policy, token, "observed"), secretClass };
  if (!holds(secret.labels, token, AWSCURRENT)) {
    // The move has only just been told. One read is not believed: nobody else is going to observe this version.
    const asked = { client: planner.client, secretArn: secret.arn };
    if (planner.retries === 0 || (await isCurrentAfterAll(asked, token))) throw notYet(secret, token);
    return { ...observed, decision: "ignore", reason: "the version is not AWSCURRENT any more" };
  }
  const base = holderOf(secret.labels, AWSPREVIOUS) ?? null;
  const created = await createdAt(planner.client, secret.arn, token);
  return {
    ...observed,
    decision: "observe",
    reason: "rotated by somebody else",
    base,
    // The state before is gone: whether the dependents were healthy on the old version cannot be known any more.
    dependents: policy.dependents.map(({ name }) => ({ name, wasHealthy: true })),
    refreshAttempted: true,
    since: created === undefined ? null : sinceOf(created, planner.nowMs),
    mayRollBack:
      policy.whenUnhealthy === "roll-back" &&
      can.rollBackLabels &&
      base !== null &&
      (await isNoOlder(planner, secret, { token, created }, base)),
  };
}

/**
 * When the version came into being, on this function's own clock, which the ages of sessions are counted on. Its promotion is
 * some seconds later, and nobody has seen it: what signed in with the version before that proves as much.
 */
function sinceOf(created: Date, nowMs: number): string {
  const ageMs = Math.max(0, nowMs - created.getTime());
  return new Date(Date.now() - ageMs).toISOString();
}

/** Where AWSCURRENT has gone back to an older version somebody has taken a rotation back, and that is not to be undone. */
async function isNoOlder(
  { client, retries }: Planner,
  secret: Secret,
  { token, created }: { readonly token: string; readonly created: Date | undefined },
  base: string,
): Promise<boolean> {
  const baseCreated = await createdAt(client, secret.arn, base);
  if (created !== undefined && baseCreated !== undefined) return created >= baseCreated;
  if (retries === 0) throw notYet(secret, token);
  return false;
}

function notYet({ name }: Secret, token: string): RotationError {
  return new RotationError(
    "VersionNotVisible",
    `That version ${token} of ${name} is AWSCURRENT does not show everywhere; looking again.`,
  );
}
