import { classifySecret } from "../classify-secret.ts";
import { ROTATION_REQUESTED } from "../events.ts";
import { describeExecution, type Execution, isRunning } from "../executions.ts";
import { deriveToken, executionName } from "../identity.ts";
import { parseSchedule } from "../schedule.ts";
import { createdAt } from "../versions/created-at.ts";
import { AWSCURRENT, holderOf, type Secret } from "../versions/secret.ts";
import { endOf, type Finding, type Sweep, toIncident } from "./finding.ts";
import { SETTLED_AFTER_MS } from "./left-behind.ts";
import type { Reconciler } from "./reconcile.ts";
import { atWork, isBetween, type Suspect } from "./suspect.ts";

/** NextRotationDate names the end of a window, and Secrets Manager repeats what failed: within a day that is its own affair. */
export const OVERDUE_AFTER_MS = 24 * 60 * 60 * 1000;
/** From one base. What fails so often does not fail by chance. */
export const AUTOMATIC_ATTEMPTS = 3;

/** Whether Secrets Manager's own schedule has been missed for long. Pure. */
export function isOverdue(
  { rotationEnabled, nextRotationAt }: Pick<Secret, "rotationEnabled" | "nextRotationAt">,
  nowMs: number,
): boolean {
  if (rotationEnabled !== true || nextRotationAt === undefined) return false;
  return nowMs > nextRotationAt.getTime() + OVERDUE_AFTER_MS;
}

/**
 * A rotation that should have been made: by Secrets Manager, whose schedule is told to people when it was missed; or by us,
 * where the policy of a driven secret has a schedule.
 *
 * @throws RotationError ConfigurationInvalid (the schedule), AccessDenied, Throttled, ServiceUnavailable
 */
export async function findOverdue(reconciler: Reconciler, sweep: Sweep, suspect: Suspect): Promise<readonly Finding[]> {
  const { secret, policy } = suspect;
  if (policy?.schedule !== undefined) return findDue(reconciler, sweep, suspect, policy.schedule);
  if (secret.nextRotationAt === undefined || !isOverdue(secret, sweep.nowMs)) return [];
  // Of secrets without a policy there are no executions to look for.
  if (policy !== undefined && (await atWork(suspect)) !== undefined) return [];
  const dueMs = secret.nextRotationAt.getTime();
  const failed = policy === undefined ? undefined : await lastFailure(suspect);
  const incident = toIncident(secret, policy, sweep, {
    diagnosis: "Overdue",
    execution: failed,
    message: `Secrets Manager should have rotated ${secret.name} by ${iso(dueMs)}, and has not. ${lastRotation(secret)} ${
      failed === undefined ? "Why is not known here." : `Execution ${failed.name} ended ${endOf(failed)}.`
    }`,
    nextSteps: [
      failed === undefined
        ? "See the RotationFailed events and the rotation function's log for the reason."
        : "See the message of that execution for the reason, and remove it.",
      `Then rotate: aws secretsmanager rotate-secret --secret-id ${secret.name}`,
    ],
    severity: "warning",
  });
  return [{ diagnosis: "Overdue", incident, sinceMs: dueMs + OVERDUE_AFTER_MS }];
}

/**
 * The policy's schedule counts from when AWSCURRENT was created: LastChangedDate changes with every tag. Each failed attempt
 * is followed by another one after the policy's `retryAfterRollbackSeconds`, until there were enough.
 */
async function findDue(
  reconciler: Reconciler,
  sweep: Sweep,
  suspect: Suspect,
  expression: string,
): Promise<readonly Finding[]> {
  const { secret, policy } = suspect;
  const base = holderOf(secret.labels, AWSCURRENT);
  if (base === undefined || policy === undefined || isBetween(suspect)) return [];
  const created = await createdAt(reconciler.client, secret.arn, base);
  if (created === undefined) return [];
  const dueMs = parseSchedule(expression).next(created.getTime(), created.getTime());
  if (dueMs === undefined || sweep.nowMs < dueMs || (await atWork(suspect)) !== undefined) return [];
  const attempts = await attemptsFrom(reconciler, secret, base);
  if (attempts.some(isRunning)) return [];
  const last = attempts.at(-1);
  const attempt = attempts.length + 1;
  const exhausted = attempt > AUTOMATIC_ATTEMPTS;
  const restedMs =
    last?.stoppedAt === undefined ? 0 : last.stoppedAt.getTime() + policy.retryAfterRollbackSeconds * 1000;
  const found: Finding[] = [];
  // A function of somebody else's rotates it: dispatch would refuse the request every time.
  const refused = classifySecret(secret, reconciler).class === "native foreign";
  if (!exhausted && !refused && sweep.nowMs >= restedMs) {
    const detail = {
      secretId: secret.arn,
      expectedVersionId: base,
      attempt,
      requester: "schedule",
      reason: expression,
    };
    const request = { detailType: ROTATION_REQUESTED, secretArn: secret.arn, detail };
    found.push({ diagnosis: "RotationDue", request, sinceMs: dueMs });
  }
  const sinceMs = exhausted ? (last?.stoppedAt?.getTime() ?? dueMs) + SETTLED_AFTER_MS : dueMs + OVERDUE_AFTER_MS;
  if (sweep.nowMs < sinceMs) return found;
  const incident = toIncident(secret, policy, sweep, {
    diagnosis: "Overdue",
    token: base,
    execution: last,
    message: `${secret.name} should have been rotated at ${iso(dueMs)} by its policy's schedule ${expression}, and AWSCURRENT is still version ${base}. ${
      last === undefined
        ? "No attempt has begun."
        : `${attempts.length} of ${AUTOMATIC_ATTEMPTS} attempts were made; ${last.name} ended ${endOf(last)}.`
    } ${exhausted ? "None is made any more by itself." : "It is tried again."}`,
    nextSteps: [
      last === undefined
        ? "See whether the rules on the rotation bus are enabled, and the log of dispatch."
        : "See the message of that execution for the reason, and remove it.",
      ...(exhausted ? [`Then ask for it: the event "${ROTATION_REQUESTED}" with attempt ${attempt}.`] : []),
    ],
    severity: "warning",
  });
  return [...found, { diagnosis: "Overdue", incident, sinceMs }];
}

/** The executions of the first attempts from a base; the first name that is free ends the row. */
async function attemptsFrom(
  { sfn, stateMachineArn }: Reconciler,
  secret: Secret,
  base: string,
): Promise<readonly Execution[]> {
  const found: Execution[] = [];
  for (let attempt = 1; attempt <= AUTOMATIC_ATTEMPTS; attempt += 1) {
    const name = executionName(secret.arn, deriveToken(secret.arn, base, attempt));
    const execution = await describeExecution(sfn, stateMachineArn, name);
    if (execution === undefined) break;
    found.push(execution);
  }
  return found;
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

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
