import type { SecretListEntry } from "@aws-sdk/client-secrets-manager";
import { WEEK_MS } from "../digest.ts";
import { type Policy, policyFor } from "../policies.ts";
import { holderOf, ROTATION_FROZEN } from "../versions/secret.ts";
import { dueAt, isTurnedOff, latenessOf } from "./lateness.ts";
import { listSecrets } from "./list-secrets.ts";
import { isOverdue } from "./overdue.ts";
import type { Reconciler } from "./reconcile.ts";
import { lookAt } from "./suspect.ts";

/** The secrets that have a policy. */
export interface Tally {
  readonly withPolicy: number;
  /** To be rotated within the next seven days. */
  readonly due: number;
  /** Their names, as are those that are frozen. */
  readonly overdue: readonly string[];
  readonly frozen: readonly string[];
}

/**
 * Counts them. What Secrets Manager rotates is told by ListSecrets; the others cost two calls each.
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function tallySecrets(reconciler: Reconciler, nowMs: number): Promise<Tally> {
  const tally = { withPolicy: 0, due: 0, overdue: [] as string[], frozen: [] as string[] };
  let nextToken: string | undefined;
  do {
    const page = await listSecrets(reconciler.client, nextToken);
    for (const entry of page.entries) {
      const { ARN = "", Name = "", SecretVersionsToStages: labels = {} } = entry;
      const policy = policyFor(reconciler.policies, { arn: ARN, name: Name });
      if (policy === undefined) continue;
      tally.withPolicy += 1;
      if (holderOf(labels, ROTATION_FROZEN) !== undefined) tally.frozen.push(Name);
      const when = await whenDue(reconciler, entry, policy, nowMs);
      if (when === "overdue") tally.overdue.push(Name);
      if (when === "due") tally.due += 1;
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return tally;
}

// --- internal ---

async function whenDue(
  reconciler: Reconciler,
  entry: SecretListEntry,
  policy: Policy,
  nowMs: number,
): Promise<"overdue" | "due" | undefined> {
  const { ARN = "", RotationEnabled: rotationEnabled, NextRotationDate: nextRotationAt } = entry;
  const { OwningService: owningService, Type: type } = entry;
  if (policy.schedule === undefined && !isTurnedOff({ rotationEnabled, owningService, type }, policy)) {
    if (isOverdue({ rotationEnabled, nextRotationAt }, nowMs)) return "overdue";
    return isSoon(rotationEnabled === true ? nextRotationAt?.getTime() : undefined, nowMs);
  }
  const suspect = await lookAt(reconciler, ARN);
  if (suspect === undefined) return undefined;
  if ((await latenessOf(suspect, nowMs)) > 0) return "overdue";
  return isSoon(await dueAt(suspect), nowMs);
}

function isSoon(dueMs: number | undefined, nowMs: number): "due" | undefined {
  return dueMs !== undefined && dueMs <= nowMs + WEEK_MS ? "due" : undefined;
}
