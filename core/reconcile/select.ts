import type { SecretListEntry } from "@aws-sdk/client-secrets-manager";
import type { Policy } from "../policies.ts";
import { AWSCURRENT, AWSPENDING, holderOf, ROTATION_CANDIDATE, ROTATION_FROZEN } from "../versions/secret.ts";
import { isMeasured } from "./drift.ts";
import { isTurnedOff } from "./lateness.ts";
import { isOverdue } from "./overdue.ts";
import type { ReconcileRequest } from "./reconcile.ts";

/**
 * Whether what ListSecrets says of a secret is a reason to look at it. Pure: nearly all secrets cost no call of their own.
 * ListSecrets may be five minutes behind, so this decides nothing else.
 */
export function isSuspect(entry: SecretListEntry, policy: Policy | undefined, request: ReconcileRequest): boolean {
  const labels = entry.SecretVersionsToStages ?? {};
  const current = holderOf(labels, AWSCURRENT);
  const elsewhere = [AWSPENDING, ROTATION_CANDIDATE].some((label) => {
    const holder = holderOf(labels, label);
    return holder !== undefined && holder !== current;
  });
  if (elsewhere || holderOf(labels, ROTATION_FROZEN) !== undefined) return true;
  if (isOverdue({ rotationEnabled: entry.RotationEnabled, nextRotationAt: entry.NextRotationDate }, request.nowMs)) {
    return true;
  }
  const { RotationEnabled: rotationEnabled, OwningService: owningService, Type: type } = entry;
  if (isTurnedOff({ rotationEnabled, owningService, type }, policy)) return true;
  if (policy === undefined) return false;
  return policy.schedule !== undefined || isMeasured(entry.ARN ?? "", policy, request);
}
