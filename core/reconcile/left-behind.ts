import { died } from "../dispatch-ended.ts";
import { REPAIR_REQUESTED } from "../events.ts";
import { OWN_ENDS } from "../executions.ts";
import { listVersions, makeCurrent, takeOff } from "../notifications/commands.ts";
import { AUTOMATIC_REPAIRS } from "../repair-after.ts";
import { AWSCURRENT, AWSPENDING, holderOf, ROTATION_FROZEN, type Secret } from "../versions/secret.ts";
import { type Diagnosis, endOf, type Finding, named, type Sweep, toIncident } from "./finding.ts";
import { type LeftVersion, leftVersions, SETTLED_AFTER_MS } from "./left-version.ts";
import type { Reconciler } from "./reconcile.ts";
import type { Suspect } from "./suspect.ts";
import type { VersionAge } from "./version-age.ts";

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
  const left = await leftVersions(reconciler, suspect, sweep.nowMs);
  return left
    .filter(({ sinceMs }) => sweep.nowMs >= sinceMs)
    .map((each) => (each.isOurs ? repairOf(reconciler, sweep, suspect, each) : leftToPeople(sweep, suspect, each)));
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

function repairOf(reconciler: Reconciler, sweep: Sweep, { secret, policy }: Suspect, left: LeftVersion): Finding {
  const { token, seen, sinceMs } = left;
  const { last } = seen;
  const diagnosis = diagnosisOf(left);
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

function leftToPeople(sweep: Sweep, { secret, policy }: Suspect, left: LeftVersion): Finding {
  const { label, token, seen, sinceMs } = left;
  const owner = secret.owningService ?? secret.type;
  const diagnosis = diagnosisOf(left);
  const incident = toIncident(secret, policy, sweep, {
    diagnosis,
    token,
    execution: seen.last,
    message: notOurs(secret, left),
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

/** What is true of a version that is not ours. */
export function notOurs(secret: Pick<Secret, "name">, left: LeftVersion): string {
  return `${whatIsLeft(left)} of ${secret.name} ${howLong(left.age)}, and ${howItEnded(left)}. No other rotation can begin while it is there. It is not Rotor's to take away: the target may have that version's password, and the label may be the last one on it.`;
}

function diagnosisOf({ label }: LeftVersion): Extract<Diagnosis, "StuckPending" | "CandidateLeft"> {
  return label === AWSPENDING ? "StuckPending" : "CandidateLeft";
}

function whatIsLeft({ label, token }: LeftVersion): string {
  return `${label} is on version ${token}`;
}

function howLong({ createdAt, latest }: VersionAge): string {
  if (latest === undefined) return "for a time that is not known";
  return `since ${latest.toISOString()}${createdAt === undefined ? " or longer" : ""}`;
}

function howItEnded({ seen: { last } }: LeftVersion): string {
  if (last === undefined) return "no execution of ours has rotated it";
  return `execution ${last.name} ended ${endOf(last)}`;
}
