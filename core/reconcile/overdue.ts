import type { Execution } from "../executions.ts";
import { rotateSecret } from "../notifications/commands.ts";
import type { Policy } from "../policies.ts";
import { AWSCURRENT, holderOf, type Secret } from "../versions/secret.ts";
import { findDue } from "./due.ts";
import { endOf, type Finding, named, OVERDUE_AFTER_MS, type Sweep, toIncident } from "./finding.ts";
import { couldBeginMs, countingRule, dueAt, isTurnedOff, lateBy } from "./lateness.ts";
import type { Reconciler } from "./reconcile.ts";
import { atWork, isBetween, type Suspect } from "./suspect.ts";

/**
 * Whether Secrets Manager's own schedule has been missed for long. NextRotationDate names the end of a window, and Secrets
 * Manager repeats what failed: within a day that is its own affair. Pure.
 */
export function isOverdue(
  { rotationEnabled, nextRotationAt }: Pick<Secret, "rotationEnabled" | "nextRotationAt">,
  nowMs: number,
): boolean {
  if (rotationEnabled !== true || nextRotationAt === undefined) return false;
  return nowMs > nextRotationAt.getTime() + OVERDUE_AFTER_MS;
}

/**
 * A rotation that should have been made: by Secrets Manager, whose schedule is told to people when it was missed, or when it
 * has none although the policy gives it one; or by us, where the policy of a driven secret has a schedule.
 *
 * @throws RotationError ConfigurationInvalid (the schedule), AccessDenied, Throttled, ServiceUnavailable
 */
export async function findOverdue(reconciler: Reconciler, sweep: Sweep, suspect: Suspect): Promise<readonly Finding[]> {
  const { secret, policy } = suspect;
  if (policy?.schedule !== undefined) return findDue(reconciler, sweep, suspect, policy, policy.schedule);
  if (policy !== undefined && isTurnedOff(secret, policy)) return findTurnedOff(sweep, suspect, policy);
  if (secret.nextRotationAt === undefined || !isOverdue(secret, sweep.nowMs)) return [];
  // Of secrets without a policy there are no executions to look for.
  if (policy !== undefined && (await atWork(suspect)) !== undefined) return [];
  const dueMs = secret.nextRotationAt.getTime();
  if (lateBy(dueMs, policy, sweep.nowMs) === 0) return [];
  const failed = policy === undefined ? undefined : await lastFailure(suspect);
  const incident = toIncident(secret, policy, sweep, {
    diagnosis: "Overdue",
    execution: failed,
    message: `Secrets Manager should have rotated ${secret.name} by ${secret.nextRotationAt.toISOString()}, and has not. ${lastRotation(secret)} ${
      failed === undefined ? "Why is not known here." : `Execution ${failed.name} ended ${endOf(failed)}.`
    }`,
    nextSteps: [
      failed === undefined
        ? "See the RotationFailed events and the rotation function's log for the reason."
        : "See the message of that execution for the reason, and remove it.",
      { say: "Then rotate", command: rotateSecret(named(secret)) },
    ],
    severity: "warning",
  });
  return [{ diagnosis: "Overdue", incident, sinceMs: couldBeginMs(dueMs, policy) + OVERDUE_AFTER_MS }];
}

/** By the policy's own rules: where rotation is turned off Secrets Manager has no date for the next one, and misses none. */
async function findTurnedOff(sweep: Sweep, suspect: Suspect, policy: Policy): Promise<readonly Finding[]> {
  const { secret } = suspect;
  const current = holderOf(secret.labels, AWSCURRENT);
  if (current === undefined || isBetween(suspect)) return [];
  const dueMs = await dueAt(suspect);
  const sinceMs = dueMs === undefined ? 0 : dueMs + OVERDUE_AFTER_MS;
  if (sweep.nowMs < sinceMs || (await atWork(suspect)) !== undefined) return [];
  const when =
    dueMs === undefined
      ? "and no date is known from which its policy's rules could be counted"
      : `and by its policy's rules, ${countingRule(secret, policy)}, it should have been rotated at ${new Date(dueMs).toISOString()}`;
  const incident = toIncident(secret, policy, sweep, {
    diagnosis: "Overdue",
    token: current,
    message: `Rotation of ${secret.name} is not turned on in Secrets Manager, ${when}: nobody rotates it. ${lastRotation(secret)}`,
    nextSteps: [
      "If this is not meant: call RotateSecret with --no-rotate-immediately to turn it on again; where it was never on, deploy.",
      "If it is: give the policy another mode, or take it out of rotation.config.",
    ],
    severity: "warning",
  });
  return [{ diagnosis: "Overdue", incident, sinceMs }];
}

/** How the newest execution of a version that did not become AWSCURRENT has ended. */
async function lastFailure({ secret, executions }: Suspect): Promise<Execution | undefined> {
  const current = holderOf(secret.labels, AWSCURRENT);
  const ended: Execution[] = [];
  for (const versionId of Object.keys(secret.labels).filter((each) => each !== current)) {
    const { last } = await executions(versionId);
    if (last !== undefined && last.status !== "SUCCEEDED") ended.push(last);
  }
  return ended.toSorted((a, b) => (a.stoppedAt?.getTime() ?? 0) - (b.stoppedAt?.getTime() ?? 0)).at(-1);
}

function lastRotation({ lastRotatedAt }: Secret): string {
  return lastRotatedAt === undefined
    ? "It was never rotated."
    : `It was last rotated on ${lastRotatedAt.toISOString()}.`;
}
