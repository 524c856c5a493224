import type { Execution } from "../executions.ts";
import type { Incident } from "../incident.ts";
import type { Policy } from "../policies.ts";

/** What reconcile can find. The names are those of the incidents, and of the sections of docs/reconcile.md. */
export const DIAGNOSES = [
  "StuckPending", // AWSPENDING on a version that is not AWSCURRENT, and nobody is at work on it
  "CandidateLeft", // ROTATION_CANDIDATE on such a version
  "SecretFrozen", // ROTATION_FROZEN: a person has to look
  "RotationDue", // the policy's schedule says so: a rotation is asked for
  "Overdue", // a rotation should have been made long ago
  "DeadExecution", // an execution that no Fail state of ours has ended
  "OutcomeUntold", // an execution that reached its end and could not tell it
  "CredentialDrift", // the target refuses AWSCURRENT
  "TrailSilent", // what happens in the account does not reach our rules
] as const;
export type Diagnosis = (typeof DIAGNOSES)[number];

/** An event for the rotation bus that puts right what was found, however often it is sent. */
export interface Request {
  readonly detailType: string;
  readonly secretArn: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface Finding {
  readonly diagnosis: Diagnosis;
  /** The safe repair. Absent: a person has to act. */
  readonly request?: Request | undefined;
  /** Absent: nothing that people have to hear of. */
  readonly incident?: Incident | undefined;
  /** Since when it could have been found, in milliseconds since the epoch: it is told then, and again every day. */
  readonly sinceMs: number;
}

/** The time that one look at everything covers, in milliseconds since the epoch. */
export interface Sweep {
  /** Up to when an earlier one has looked; 0 for never. */
  readonly fromMs: number;
  readonly nowMs: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** How late a rotation may be before people are told, in milliseconds: what begins it, and what repeats it, takes its time. */
export const OVERDUE_AFTER_MS = DAY_MS;

/** Whether a finding is new since the last look, or a whole number of days old since then: a reminder a day. Pure. */
export function isToTell({ sinceMs }: Pick<Finding, "sinceMs">, { fromMs, nowMs }: Sweep): boolean {
  const timesBy = (ms: number) => (ms < sinceMs ? 0 : 1 + Math.floor((ms - sinceMs) / DAY_MS));
  return timesBy(nowMs) > timesBy(fromMs);
}

/** The incident of a finding. @param about what it is about, beyond the secret */
export function toIncident(
  secret: { readonly arn: string; readonly name: string },
  policy: Policy | undefined,
  { nowMs }: Sweep,
  about: Pick<Incident, "message" | "nextSteps" | "severity"> & {
    readonly diagnosis: Diagnosis;
    readonly token?: string | undefined;
    readonly execution?: Execution | undefined;
  },
): Incident {
  const { diagnosis, token, execution, ...said } = about;
  return {
    kind: "finding",
    secretArn: secret.arn,
    secretName: secret.name,
    owner: policy?.owner ?? null,
    runbook: policy?.runbook ?? null,
    hasPolicy: policy !== undefined,
    token: token ?? null,
    step: null,
    functionArn: null,
    name: diagnosis,
    ...said,
    executionName: execution?.name ?? null,
    executionArn: execution?.arn ?? null,
    at: new Date(nowMs).toISOString(),
  };
}

/** A secret, for a command. */
export function named({ arn, name }: { readonly arn: string; readonly name: string }) {
  return { secretArn: arn, secretName: name };
}

/** How an execution ended, for a sentence: "RolledBack after DependentUnhealthy". */
export function endOf(execution: Execution): string {
  const because = execution.facts["error"];
  const end = execution.error ?? execution.outcome ?? execution.status;
  return typeof because === "string" && because !== "" ? `${end} after ${because}` : end;
}
