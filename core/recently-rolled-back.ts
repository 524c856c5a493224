import type { SFNClient } from "@aws-sdk/client-sfn";
import { RotationError } from "./errors.ts";
import { executionsOf } from "./executions.ts";
import { requestOf } from "./identity.ts";
import type { Policy } from "./policies.ts";
import { AWSCURRENT, holderOf, ROTATION_ROLLED_BACK, type Secret } from "./versions/secret.ts";

/**
 * Refuses a new token soon after a rollback from the same base: it would only fail again, and Secrets Manager may ask for
 * one after every failure. The gate asks before it writes a value, dispatch before it starts an execution. Reads only.
 *
 * A derived token is not refused: it was asked for by a person through Rotor, who knows of the rollback.
 *
 * @throws RotationError RecentlyRolledBack; AccessDenied, Throttled, ServiceUnavailable
 */
export async function checkNotRecentlyRolledBack(
  { sfn, stateMachineArn }: { readonly sfn: SFNClient; readonly stateMachineArn: string },
  secret: Secret,
  policy: Policy,
  token: string,
): Promise<void> {
  // No clocks are compared then: Step Functions' and this function's need not agree.
  if (policy.retryAfterRollbackSeconds === 0) return;
  const base = holderOf(secret.labels, AWSCURRENT);
  const rolledBack = holderOf(secret.labels, ROTATION_ROLLED_BACK);
  if (base === undefined || rolledBack === undefined) return;
  if (requestOf(token, secret.arn, base) !== undefined) return;
  const ends = (await executionsOf(sfn, stateMachineArn, secret.arn, rolledBack))
    .filter((each) => each.error === "RolledBack" && each.facts["base"] === base)
    .map((each) => each.stoppedAt?.getTime() ?? 0);
  const until = Math.max(0, ...ends) + policy.retryAfterRollbackSeconds * 1000;
  if (Date.now() >= until) return;
  throw new RotationError(
    "RecentlyRolledBack",
    `Version ${rolledBack} of ${secret.name} was rolled back from the same base. New tokens are refused until ${new Date(until).toISOString()} (retryAfterRollbackSeconds). Nothing was changed.`,
  );
}
