import { HISTORY_KEPT_MS } from "../executions.ts";
import { copyId } from "../identity.ts";
import { isGate } from "../is-gate.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  holderOf,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
} from "../versions/secret.ts";
import type { Reconciler } from "./reconcile.ts";
import type { Suspect, VersionExecutions } from "./suspect.ts";
import type { VersionAge } from "./version-age.ts";

const MINUTE_MS = 60 * 1000;
/** How old a version may be that nobody seems to be at work on: Secrets Manager repeats a failed rotation by itself. */
const STUCK_AFTER_MS = 30 * MINUTE_MS;
/** After an execution's end: reads may be behind, and the rule on status changes repairs at once. */
export const SETTLED_AFTER_MS = 5 * MINUTE_MS;

/** A version that was being rotated in and that no execution is at work on. */
export interface LeftVersion {
  readonly token: string;
  readonly label: typeof AWSPENDING | typeof ROTATION_CANDIDATE;
  readonly seen: VersionExecutions;
  readonly age: VersionAge;
  /** An execution has ended without making it live, and none goes on with it. Else its rotation may not have come to us yet. */
  readonly hasEnded: boolean;
  /** From when on it is left for certain, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** A repair may take it up. Anybody else's is for a person: the target may have its password. */
  readonly isOurs: boolean;
}

/**
 * What rotations have left on a secret, or seem to have: whoever acts on it looks at `sinceMs` first.
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function leftVersions(
  place: Pick<Reconciler, "gateFunctionArn">,
  suspect: Suspect,
  nowMs: number,
): Promise<readonly LeftVersion[]> {
  const { arn, labels } = suspect.secret;
  const current = holderOf(labels, AWSCURRENT);
  const [pending, candidate] = [AWSPENDING, ROTATION_CANDIDATE].map((label) => holderOf(labels, label));
  const found: LeftVersion[] = [];
  for (const versionId of new Set([pending, candidate])) {
    if (versionId === undefined || versionId === current) continue;
    // Lent by a rollback of the candidate, whose repair takes it from there. Two repairs would keep each other from it.
    if (candidate !== undefined && isCopy({ arn, labels }, candidate, versionId)) continue;
    const left = await lookAt(place, suspect, versionId, nowMs);
    if (left !== undefined) found.push(left);
  }
  return found;
}

// --- internal ---

function isCopy({ arn, labels }: Pick<Suspect["secret"], "arn" | "labels">, candidate: string, versionId: string) {
  return Object.keys(labels).some((copied) => copyId(arn, candidate, copied) === versionId);
}

async function lookAt(
  place: Pick<Reconciler, "gateFunctionArn">,
  suspect: Suspect,
  token: string,
  nowMs: number,
): Promise<LeftVersion | undefined> {
  const { secret, policy } = suspect;
  const seen = await suspect.executions(token);
  if (seen.running !== undefined) return undefined;
  const isPending = holds(secret.labels, token, AWSPENDING);
  const promoted = seen.last?.status === "SUCCEEDED" || seen.last?.error === "NotConverged";
  // A success leaves ROTATION_CANDIDATE on its version; somebody has moved AWSCURRENT since.
  if (promoted && !isPending) return undefined;
  const age = await suspect.age(token);
  const settledMs = seen.endedMs + SETTLED_AFTER_MS;
  const hasEnded = seen.last !== undefined && !promoted;
  const sinceMs = hasEnded ? settledMs : Math.max((age.latest?.getTime() ?? 0) + STUCK_AFTER_MS, settledMs);
  const youngEnough = nowMs - (age.createdAt?.getTime() ?? 0) < HISTORY_KEPT_MS;
  const forgotten = seen.last === undefined && !youngEnough;
  return {
    ...{ token, seen, age, hasEnded, sinceMs },
    label: isPending ? AWSPENDING : ROTATION_CANDIDATE,
    isOurs: policy !== undefined && !promoted && !forgotten && isOurs(place, suspect, token, seen.last),
  };
}

/**
 * Carries a label of ours, or is the placeholder of our own rotation function: whether it has a value is for Discard to see.
 * Where a Discard has seen that already and left it alone, it is somebody else's.
 */
function isOurs(
  { gateFunctionArn }: Pick<Reconciler, "gateFunctionArn">,
  { secret }: Suspect,
  token: string,
  last: VersionExecutions["last"],
): boolean {
  const labelled = [ROTATION_CANDIDATE, ROTATION_ROLLED_BACK].some((label) => holds(secret.labels, token, label));
  // A secret that was scheduled for deletion then, and is back since, could be neither looked at nor tidied.
  const looked = last !== undefined && last.facts["error"] !== "SecretNotFound";
  return labelled || (isGate(secret.rotationLambdaArn, gateFunctionArn) && !looked);
}
