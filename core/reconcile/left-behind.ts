import { died } from "../dispatch-ended.ts";
import { REPAIR_REQUESTED } from "../events.ts";
import { type Execution, HISTORY_KEPT_MS, OWN_ENDS } from "../executions.ts";
import { copyId } from "../identity.ts";
import { isGate } from "../is-gate.ts";
import { listVersions, makeCurrent, takeOff } from "../notifications/commands.ts";
import { AUTOMATIC_REPAIRS } from "../repair-after.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  holderOf,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_FROZEN,
  ROTATION_ROLLED_BACK,
} from "../versions/secret.ts";
import { type Diagnosis, endOf, type Finding, named, type Sweep, toIncident } from "./finding.ts";
import type { Reconciler } from "./reconcile.ts";
import type { Suspect, VersionExecutions } from "./suspect.ts";
import type { VersionAge } from "./version-age.ts";

const MINUTE_MS = 60 * 1000;
/** How old a version may be that nobody seems to be at work on: Secrets Manager repeats a failed rotation by itself. */
const STUCK_AFTER_MS = 30 * MINUTE_MS;
/** After an execution's end: reads may be behind, and the rule on status changes repairs at once. */
export const SETTLED_AFTER_MS = 5 * MINUTE_MS;

/**
 * A version that was being rotated in and that nobody is at work on. One of ours is repaired; whether that is a rollback or
 * taking the labels off is for the repair's Plan. Of anybody else's a person has to decide: the target may have its password.
 *
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function findLeftBehind(
  reconciler: Reconciler,
  sweep: Sweep,
  suspect: Suspect,
): Promise<readonly Finding[]> {
  const { labels } = suspect.secret;
  const current = holderOf(labels, AWSCURRENT);
  const [pending, candidate] = [AWSPENDING, ROTATION_CANDIDATE].map((label) => holderOf(labels, label));
  const found: Finding[] = [];
  for (const versionId of new Set([pending, candidate])) {
    if (versionId === undefined || versionId === current) continue;
    // Lent by a rollback of the candidate, whose repair takes it from there. Two repairs would keep each other from it.
    if (candidate !== undefined && isCopy(suspect.secret, candidate, versionId)) continue;
    const finding = await lookAt(reconciler, sweep, suspect, versionId);
    if (finding !== undefined) found.push(finding);
  }
  return found;
}

function isCopy({ arn, labels }: Suspect["secret"], candidate: string, versionId: string): boolean {
  return Object.keys(labels).some((copied) => copyId(arn, candidate, copied) === versionId);
}

/** A person has to look first. Nothing is repaired meanwhile. */
export async function findFrozen(sweep: Sweep, { secret, policy, executions }: Suspect): Promise<readonly Finding[]> {
  const token = holderOf(secret.labels, ROTATION_FROZEN);
  if (token === undefined) return [];
  const { last, endedMs } = await executions(token);
  const incident = toIncident(secret, policy, sweep, {
    diagnosis: "SecretFrozen",
    token,
    execution: last,
    message: `${secret.name} is frozen: the rollback of version ${token} failed, and neither it nor a new rotation is tried while ${ROTATION_FROZEN} is on that version.`,
    nextSteps: [
      "Read the truth table in the message of the failed rollback: which version does the target accept?",
      "Make target and AWSCURRENT agree by hand.",
      { say: "Let rotations go on again", command: takeOff(named(secret), ROTATION_FROZEN, token) },
      "The rollback is then finished by itself.",
    ],
    severity: "critical",
  });
  return [{ diagnosis: "SecretFrozen", incident, sinceMs: endedMs + SETTLED_AFTER_MS }];
}

async function lookAt(
  reconciler: Reconciler,
  sweep: Sweep,
  suspect: Suspect,
  token: string,
): Promise<Finding | undefined> {
  const { secret, policy } = suspect;
  const seen = await suspect.executions(token);
  if (seen.running !== undefined) return undefined;
  const isPending = holds(secret.labels, token, AWSPENDING);
  const promoted = seen.last?.status === "SUCCEEDED" || seen.last?.error === "NotConverged";
  // A success leaves ROTATION_CANDIDATE on its version; somebody has moved AWSCURRENT since.
  if (promoted && !isPending) return undefined;
  const age = await suspect.age(token);
  const settledMs = seen.endedMs + SETTLED_AFTER_MS;
  const known = seen.last !== undefined && !promoted;
  const sinceMs = known ? settledMs : Math.max((age.latest?.getTime() ?? 0) + STUCK_AFTER_MS, settledMs);
  if (sweep.nowMs < sinceMs) return undefined;
  const diagnosis = isPending ? "StuckPending" : "CandidateLeft";
  const youngEnough = sweep.nowMs - (age.createdAt?.getTime() ?? 0) < HISTORY_KEPT_MS;
  const forgotten = seen.last === undefined && !youngEnough;
  const ours = policy !== undefined && !promoted && !forgotten && isOurs(reconciler, suspect, token, seen.last);
  return ours
    ? repairOf(reconciler, sweep, suspect, { diagnosis, token, seen, sinceMs })
    : leftToPeople(sweep, suspect, { diagnosis, token, seen, sinceMs, age });
}

/**
 * Carries a label of ours, or is the placeholder of our own rotation function: whether it has a value is for Discard to see.
 * Where a Discard has seen that already and left it alone, it is somebody else's.
 */
function isOurs(
  { gateFunctionArn }: Reconciler,
  { secret }: Suspect,
  token: string,
  last: Execution | undefined,
): boolean {
  const labelled = [ROTATION_CANDIDATE, ROTATION_ROLLED_BACK].some((label) => holds(secret.labels, token, label));
  // A secret that was scheduled for deletion then, and is back since, could be neither looked at nor tidied.
  const looked = last !== undefined && last.facts["error"] !== "SecretNotFound";
  return labelled || (isGate(secret.rotationLambdaArn, gateFunctionArn) && !looked);
}

interface Left {
  readonly diagnosis: Diagnosis;
  readonly token: string;
  readonly seen: VersionExecutions;
  readonly sinceMs: number;
}

function repairOf(reconciler: Reconciler, sweep: Sweep, { secret, policy }: Suspect, left: Left): Finding {
  const { diagnosis, token, seen, sinceMs } = left;
  const { last } = seen;
  const repair = seen.repairs.length + 1;
  const isRepaired = repair <= AUTOMATIC_REPAIRS;
  const request = isRepaired ? repairRequest(secret.arn, token, repair, diagnosis) : undefined;
  if (last !== undefined && last.status !== "SUCCEEDED" && !OWN_ENDS.has(last.error ?? "")) {
    const incident = died(reconciler, last, { secretArn: secret.arn, token }, isRepaired ? repair : undefined);
    return { diagnosis: "DeadExecution", request, incident, sinceMs };
  }
  const what = whatIsLeft(left);
  const incident = toIncident(secret, policy, sweep, {
    diagnosis,
    token,
    execution: last,
    ...(isRepaired
      ? {
          message: `${what} of ${secret.name}, and ${howItEnded(left)}. Repair ${repair} was asked for, and tells how that ended.`,
          nextSteps: ["Wait for the outcome of the repair. Do not start another rotation before it."],
          severity: "notice" as const,
        }
      : {
          message: `${what} of ${secret.name}, and ${howItEnded(left)}. ${AUTOMATIC_REPAIRS} repairs were not enough, and none is started any more by itself: the target may have that version's password.`,
          nextSteps: [
            "Find out from the repairs' messages and histories what they failed of, and remove it.",
            `Then ask for another one: the event "${REPAIR_REQUESTED}" on the rotation bus, with secretId and token.`,
          ],
          severity: "critical" as const,
        }),
  });
  return { diagnosis, request, incident, sinceMs };
}

export function repairRequest(secretArn: string, token: string, repair: number, diagnosis: Diagnosis) {
  const detail = { secretId: secretArn, token, repair, requester: "reconcile", reason: diagnosis };
  return { detailType: REPAIR_REQUESTED, secretArn, detail };
}

function leftToPeople(sweep: Sweep, { secret, policy }: Suspect, left: Left & { readonly age: VersionAge }): Finding {
  const { diagnosis, token, seen, sinceMs, age } = left;
  const owner = secret.owningService ?? secret.type;
  const label = diagnosis === "StuckPending" ? AWSPENDING : ROTATION_CANDIDATE;
  const incident = toIncident(secret, policy, sweep, {
    diagnosis,
    token,
    execution: seen.last,
    message: `${whatIsLeft(left)} of ${secret.name} ${howLong(age)}, and ${howItEnded(left)}. No other rotation can begin while it is there. It is not Rotor's to take away: the target may have that version's password, and the label may be the last one on it.`,
    nextSteps:
      owner === undefined
        ? [
            { say: "See what the version is", command: listVersions(named(secret)) },
            "Find out which password the target accepts: sign in with AWSCURRENT first; if that is refused, with this version.",
            {
              say: `If the target accepts AWSCURRENT, take ${label} off this version`,
              command: takeOff(named(secret), label, token),
            },
            {
              say: "If it accepts this version, move AWSCURRENT to it",
              command: makeCurrent(named(secret), token, holderOf(secret.labels, AWSCURRENT)),
            },
          ]
        : [`Ask the owner, ${owner}: only that service can change the secret's versions.`],
    severity: "warning",
  });
  return { diagnosis, incident, sinceMs };
}

function whatIsLeft({ diagnosis, token }: Left): string {
  const label = diagnosis === "StuckPending" ? AWSPENDING : ROTATION_CANDIDATE;
  return `${label} is on version ${token}`;
}

function howLong({ createdAt, latest }: VersionAge): string {
  if (latest === undefined) return "for a time that is not known";
  return `since ${latest.toISOString()}${createdAt === undefined ? " or longer" : ""}`;
}

function howItEnded({ seen: { last } }: Left): string {
  if (last === undefined) return "no execution of ours has rotated it";
  return `execution ${last.name} ended ${endOf(last)}`;
}
