import type { SecretListEntry } from "@aws-sdk/client-secrets-manager";
import { WEEK_MS } from "../digest.ts";
import { type Policy, policyFor } from "../policies.ts";
import { holderOf, ROTATION_FROZEN } from "../versions/secret.ts";
import { dueAt, isTurnedOff, lateBy } from "./lateness.ts";
import { listSecrets } from "./list-secrets.ts";
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
  /** Those for whose date there was no time. */
  readonly notLookedAt: number;
}

/** Of the invocation's time so much is left to what follows, in milliseconds. */
const RESERVE_MS = 5 * 60_000;

/**
 * Counts them. Of what Secrets Manager rotates ListSecrets has the date; the others cost two calls each.
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function tallySecrets(reconciler: Reconciler, nowMs: number): Promise<Tally> {
  const tally = { withPolicy: 0, due: 0, overdue: [] as string[], frozen: [] as string[], notLookedAt: 0 };
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
      if (when === "not looked at") tally.notLookedAt += 1;
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
): Promise<"overdue" | "due" | "later" | "not looked at"> {
  const { ARN = "", RotationEnabled: rotationEnabled, NextRotationDate: nextRotationAt } = entry;
  const { OwningService: owningService, Type: type } = entry;
  const listed = policy.schedule === undefined && !isTurnedOff({ rotationEnabled, owningService, type }, policy);
  if (!listed && reconciler.remainingMs() < RESERVE_MS) return "not looked at";
  const suspect = listed ? undefined : await lookAt(reconciler, ARN);
  const listedMs = listed && rotationEnabled === true ? nextRotationAt?.getTime() : undefined;
  const dueMs = suspect === undefined ? listedMs : await dueAt(suspect);
  if (dueMs === undefined) return "later";
  if (lateBy(dueMs, policy, nowMs) > 0) return "overdue";
  return dueMs <= nowMs + WEEK_MS ? "due" : "later";
}
