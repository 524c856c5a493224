import { classifySecret } from "../classify-secret.ts";
import { ROTATION_REQUESTED } from "../events.ts";
import { describeExecution, type Execution, isRunning } from "../executions.ts";
import { deriveToken, executionName, MAX_ATTEMPTS } from "../identity.ts";
import type { Incident } from "../incident.ts";
import type { Policy } from "../policies.ts";
import { AWSCURRENT, holderOf, type Secret } from "../versions/secret.ts";
import { nextOpening } from "../windows.ts";
import { endOf, type Finding, OVERDUE_AFTER_MS, type Sweep, toIncident } from "./finding.ts";
import { dueAt } from "./lateness.ts";
import { SETTLED_AFTER_MS } from "./left-version.ts";
import type { Reconciler } from "./reconcile.ts";
import { atWork, isBetween, type Suspect } from "./suspect.ts";

/** From one base. What fails so often does not fail by chance. */
const AUTOMATIC_ATTEMPTS = 3;

/**
 * The policy's schedule counts from when AWSCURRENT was created: LastChangedDate, which changes with every tag, is gone by only
 * where there is no other date, and where there is none at all people are told. Each failed attempt is followed by another one
 * after the policy's `retryAfterRollbackSeconds`, until there were enough. None is made while the policy would have it refused,
 * and one that was refused for its time alone is none.
 *
 * @throws RotationError ConfigurationInvalid (the schedule), AccessDenied, Throttled, ServiceUnavailable
 */
export async function findDue(
  reconciler: Reconciler,
  sweep: Sweep,
  suspect: Suspect,
  policy: Policy,
  schedule: string,
): Promise<readonly Finding[]> {
  const { secret } = suspect;
  const base = holderOf(secret.labels, AWSCURRENT);
  if (base === undefined || isBetween(suspect)) return [];
  if ((await suspect.age(base)).latest === undefined) return [withoutDate(secret, policy, schedule, sweep)];
  const dueMs = await dueAt(suspect);
  if (dueMs === undefined || sweep.nowMs < dueMs || (await atWork(suspect)) !== undefined) return [];
  const attempts = await attemptsFrom(reconciler, secret, base);
  if (attempts.some(isRunning)) return [];
  const tried = attempts.filter((each) => !isOutsideWindow(each));
  const { class: is } = classifySecret(secret, reconciler);
  const waits = policy.outsideWindow === "wait" && is !== "native ours";
  const due: Due = { secret, policy, schedule, base, dueMs, waits, attempts, tried, last: tried.at(-1) };
  // A function of somebody else's rotates it: dispatch would refuse the request every time.
  const asks = is !== "native foreign" && !isExhausted(due) && closedAt(due, sweep.nowMs) === undefined;
  const found = asks && sweep.nowMs >= restedMs(due) ? [requestOf(due)] : [];
  const sinceMs = overdueSinceMs(due);
  return sweep.nowMs < sinceMs ? found : [...found, { diagnosis: "Overdue", incident: told(due, sweep), sinceMs }];
}

function withoutDate(secret: Secret, policy: Policy, schedule: string, sweep: Sweep): Finding {
  const incident = toIncident(secret, policy, sweep, {
    diagnosis: "Overdue",
    token: holderOf(secret.labels, AWSCURRENT),
    message: `Secrets Manager does not say when AWSCURRENT of ${secret.name} was created, nor when the secret was changed: its policy's schedule ${schedule} cannot be counted, and no rotation is asked for by itself.`,
    nextSteps: [`Ask for the rotation when it is due: the event "${ROTATION_REQUESTED}" on the rotation bus.`],
    severity: "warning",
  });
  return { diagnosis: "Overdue", incident, sinceMs: 0 };
}

interface Due {
  readonly secret: Secret;
  readonly policy: Policy;
  readonly schedule: string;
  readonly base: string;
  readonly dueMs: number;
  /** Its execution waits for a window itself. Where Secrets Manager rotates there is nothing that could. */
  readonly waits: boolean;
  /** From this base, ended all. */
  readonly attempts: readonly Execution[];
  /** Those that were not refused for their time alone. */
  readonly tried: readonly Execution[];
  readonly last: Execution | undefined;
}

/** The executions of the first attempts from a base, until enough were tried; the first name that is free ends the row. */
async function attemptsFrom(
  { sfn, stateMachineArn }: Reconciler,
  secret: Secret,
  base: string,
): Promise<readonly Execution[]> {
  const found: Execution[] = [];
  let tried = 0;
  while (found.length < MAX_ATTEMPTS && tried < AUTOMATIC_ATTEMPTS) {
    const name = executionName(secret.arn, deriveToken(secret.arn, base, found.length + 1));
    const execution = await describeExecution(sfn, stateMachineArn, name);
    if (execution === undefined) break;
    found.push(execution);
    if (!isOutsideWindow(execution)) tried += 1;
  }
  return found;
}

function isOutsideWindow({ facts }: Execution): boolean {
  return facts["error"] === "OutsideWindow";
}

function isExhausted({ attempts, tried }: Due): boolean {
  return tried.length >= AUTOMATIC_ATTEMPTS || attempts.length >= MAX_ATTEMPTS;
}

/** What keeps a request that comes then from being taken up: undefined where nothing does. */
function closedAt(
  { policy, attempts, ...due }: Due,
  atMs: number,
): { readonly opensAtMs: number | undefined } | undefined {
  const opening = nextOpening(atMs, policy.windows, policy.freezes);
  // An execution that may wait waits itself, unless it has been told that this is too long.
  const last = attempts.at(-1);
  const waits = due.waits && !(last !== undefined && isOutsideWindow(last));
  return opening.open || waits ? undefined : { opensAtMs: opening.opensAtMs };
}

/** Until when a failed attempt is let rest. */
function restedMs({ policy, last }: Due): number {
  return (last?.stoppedAt?.getTime() ?? Number.NEGATIVE_INFINITY) + policy.retryAfterRollbackSeconds * 1000;
}

function requestOf({ secret, base, attempts, schedule, dueMs }: Due): Finding {
  const detail = {
    secretId: secret.arn,
    expectedVersionId: base,
    attempt: attempts.length + 1,
    requester: "schedule",
    reason: schedule,
  };
  return {
    diagnosis: "RotationDue",
    request: { detailType: ROTATION_REQUESTED, secretArn: secret.arn, detail },
    sinceMs: dueMs,
  };
}

/** It is late a day after it could have begun. */
function overdueSinceMs(due: Due): number {
  const { dueMs, last } = due;
  if (isExhausted(due)) return (last?.stoppedAt?.getTime() ?? dueMs) + SETTLED_AFTER_MS;
  return (closedAt(due, dueMs)?.opensAtMs ?? dueMs) + OVERDUE_AFTER_MS;
}

function told(due: Due, sweep: Sweep): Incident {
  const { secret, policy, schedule, base, dueMs, tried, last } = due;
  const made =
    last === undefined
      ? "No attempt has begun."
      : `${tried.length} of ${AUTOMATIC_ATTEMPTS} attempts were made; ${last.name} ended ${endOf(last)}.`;
  const { goesOn, nextSteps } = whatFollows(due, sweep);
  return toIncident(secret, policy, sweep, {
    diagnosis: "Overdue",
    token: base,
    execution: last,
    message: `${secret.name} should have been rotated at ${iso(dueMs)} by its policy's schedule ${schedule}, and AWSCURRENT is still version ${base}. ${made} ${goesOn}`,
    nextSteps,
    severity: "warning",
  });
}

function whatFollows(due: Due, { nowMs }: Sweep): { readonly goesOn: string; readonly nextSteps: string[] } {
  const { attempts, last } = due;
  const reason =
    last === undefined
      ? "See whether the rules on the rotation bus are enabled, and the log of dispatch."
      : "See the message of that execution for the reason, and remove it.";
  if (isExhausted(due)) {
    const how = attempts.length < MAX_ATTEMPTS ? `attempt ${attempts.length + 1}` : "emergency";
    return {
      goesOn: "None is made any more by itself.",
      nextSteps: [reason, `Then ask for it: the event "${ROTATION_REQUESTED}" with ${how}.`],
    };
  }
  const closed = closedAt(due, nowMs);
  if (closed === undefined) return { goesOn: "It is tried again.", nextSteps: [reason] };
  if (closed.opensAtMs !== undefined) {
    return { goesOn: `It is tried again when its policy lets it, at ${iso(closed.opensAtMs)}.`, nextSteps: [reason] };
  }
  return {
    goesOn: "Its policy's windows and freeze periods leave no time for it within 400 days.",
    nextSteps: ["Give its policy a window that opens, or end the freeze period; or ask for an emergency."],
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
