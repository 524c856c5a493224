import type { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { SecretListEntry, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { weekBefore } from "../digest.ts";
import { isRetryable, RotationError } from "../errors.ts";
import { incidentId } from "../incident.ts";
import { type Policy, policyFor } from "../policies.ts";
import { secretNameOf } from "../secret-names.ts";
import { findDeadExecutions } from "./dead-executions.ts";
import { findDrift, isMeasured } from "./drift.ts";
import { type Diagnosis, type Finding, isToTell, type Sweep, toIncident } from "./finding.ts";
import { beat, ON_ITS_WAY_MS, recordReconciled } from "./heartbeat.ts";
import { latenessOf } from "./lateness.ts";
import { findFrozen, findLeftBehind } from "./left-behind.ts";
import { listSecrets } from "./list-secrets.ts";
import { findOverdue } from "./overdue.ts";
import { isSuspect } from "./select.ts";
import { lookAt, type Suspect } from "./suspect.ts";
import { tell } from "./tell.ts";

export interface Reconciler {
  readonly client: SecretsManagerClient;
  /** Paced: its quotas are shared with the gates that wait for their executions. */
  readonly sfn: SFNClient;
  readonly eventBridge: EventBridgeClient;
  readonly lambda: LambdaClient;
  readonly stateMachineArn: string;
  readonly gateFunctionArn: string;
  readonly rollBackFunctionArn: string;
  readonly busName: string;
  readonly heartbeatSecretArn: string;
  readonly policies: readonly Policy[];
  readonly region: string;
  /** Asks for the digest of the week, which takes a time of its own. Absent: nobody wants one. */
  readonly askForDigest?: (() => Promise<void>) | undefined;
  /** What is left of this invocation, in milliseconds. */
  readonly remainingMs: () => number;
  /** Says in the log what could not be looked at. Ids only. */
  readonly warn: (message: string) => void;
}

export interface ReconcileRequest {
  /** The time that ages go by, in milliseconds since the epoch: the event's, so that one sweep has one. */
  readonly nowMs: number;
  /** Which secrets with a strategy are tried whether AWSCURRENT signs in: those whose turn it is, or every one. */
  readonly measure: "due" | "all";
  /** Where an earlier call has ended, and what that one knew. Absent: from the beginning. */
  readonly resume?: { readonly nextToken: string; readonly fromMs: number; readonly complete: boolean } | undefined;
}

export interface Reconciled {
  readonly pages: number;
  /** Listed, not looked at. */
  readonly secrets: number;
  readonly findings: Readonly<Partial<Record<Diagnosis, number>>>;
  /** How late the rotation is that should have been made longest ago, in milliseconds, whatever keeps it; 0 where none is overdue. */
  readonly oldestOverdueMs: number;
  /** Repairs and rotations asked for. */
  readonly requested: number;
  /** Incidents told: new ones, and a reminder a day. */
  readonly told: number;
  /** What could not be looked at; the log says why. */
  readonly failed: number;
  /** Time is over: where to go on. Absent: everything was looked at. */
  readonly resume?: ReconcileRequest["resume"];
}

/** Of the invocation's time so much is kept for a last page on which every secret is a suspect; a third of a short one. */
const RESERVE_MS = 5 * 60 * 1000;
/** Suspects of a page that are looked at side by side. */
const ABREAST = 4;

/**
 * Looks for what no event has told us. Reads no value and writes no label: what can be put right safely is asked for on the
 * rotation bus, and people are told. Holds one page of secrets at a time. May be repeated, and run twice at once: the names
 * of repairs and the ids of incidents are derived.
 *
 * A secret that cannot be looked at does not keep the others from it.
 *
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable (of what is not about one secret)
 */
export async function reconcile(reconciler: Reconciler, request: ReconcileRequest): Promise<Reconciled> {
  const { client, heartbeatSecretArn, warn } = reconciler;
  const { nowMs, resume } = request;
  const reserveMs = Math.min(RESERVE_MS, reconciler.remainingMs() / 3);
  const pulse = resume === undefined ? await beat(client, heartbeatSecretArn, nowMs) : undefined;
  const sweep: Sweep = { nowMs, fromMs: resume?.fromMs ?? pulse?.reconciledMs ?? 0 };
  const findings: Partial<Record<Diagnosis, number>> = {};
  const known = new Set<string>();
  let [pages, secrets, requested, told, failed, oldestOverdueMs] = [0, 0, 0, 0, 0, 0];
  let complete = resume?.complete ?? true;
  let nextToken = resume?.nextToken;

  const take = async (all: readonly Finding[]): Promise<void> => {
    // A dead execution is in the list of executions, and its labels are on its secret.
    const found = all.filter((finding) => !known.has(keyOf(finding)));
    for (const finding of found) {
      known.add(keyOf(finding));
      findings[finding.diagnosis] = (findings[finding.diagnosis] ?? 0) + 1;
    }
    const done = await tell(reconciler, found, (finding) => isToTell(finding, sweep));
    requested += done.requested;
    told += done.told;
  };
  const attempt = async (what: string, look: () => Promise<void>): Promise<void> => {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      warn(`${what}: ${error.name}: ${error.message}`);
      failed += 1;
      // What comes right by itself is looked at again for the same time; what does not would be told again for ever.
      if (isRetryable(error)) complete = false;
    }
  };

  if (pulse !== undefined) {
    await take(trailSilent(reconciler, sweep, pulse.silentSinceMs));
    await attempt("dead executions", async () => {
      for await (const finding of findDeadExecutions(reconciler, sweep)) await take([finding]);
    });
  }
  do {
    const page = await listSecrets(client, nextToken);
    pages += 1;
    secrets += page.entries.length;
    const suspects = page.entries.filter((entry) => isSuspect(entry, policyOf(reconciler, entry), request)).values();
    const work = Array.from({ length: ABREAST }, async () => {
      for (const { ARN = "" } of suspects) {
        await attempt(ARN, async () => {
          const suspect = await lookAt(reconciler, ARN);
          if (suspect === undefined) return;
          await take(await diagnose(reconciler, sweep, request, suspect));
          // Not only of what is found to be overdue: a frozen secret is found to be frozen, and gets older all the same.
          const lateMs = await latenessOf(suspect, nowMs);
          oldestOverdueMs = Math.max(oldestOverdueMs, lateMs);
        });
      }
    });
    await Promise.all(work);
    nextToken = page.nextToken;
  } while (nextToken !== undefined && reconciler.remainingMs() > reserveMs);
  const done = () => ({ pages, secrets, findings, oldestOverdueMs, requested, told, failed });
  if (nextToken !== undefined) return { ...done(), resume: { nextToken, fromMs: sweep.fromMs, complete } };
  // In the first sweep since Monday that has missed nothing. The very first one has no week behind it.
  const { askForDigest } = reconciler;
  if (complete && askForDigest !== undefined && sweep.fromMs > 0 && weekBefore(nowMs) > sweep.fromMs) {
    await attempt("digest", askForDigest);
  }
  if (complete) await recordReconciled(client, heartbeatSecretArn, nowMs);
  return done();
}

/** All that is found of one secret. */
async function diagnose(
  reconciler: Reconciler,
  sweep: Sweep,
  request: ReconcileRequest,
  suspect: Suspect,
): Promise<readonly Finding[]> {
  const { secret, policy } = suspect;
  const frozen = await findFrozen(sweep, suspect);
  if (frozen.length > 0) return frozen;
  const left = await findLeftBehind(reconciler, sweep, suspect);
  if (left.length > 0) return left;
  const overdue = await findOverdue(reconciler, sweep, suspect);
  if (policy === undefined || !isMeasured(secret.arn, policy, request)) return overdue;
  return [...overdue, ...(await findDrift(reconciler, sweep, suspect))];
}

function keyOf({ incident, request }: Finding): string {
  return incident === undefined ? JSON.stringify(request) : incidentId(incident);
}

function policyOf({ policies }: Reconciler, { ARN = "", Name = "" }: SecretListEntry): Policy | undefined {
  return policyFor(policies, { arn: ARN, name: Name });
}

function trailSilent(
  { heartbeatSecretArn }: Reconciler,
  sweep: Sweep,
  silentSinceMs: number | undefined,
): readonly Finding[] {
  if (silentSinceMs === undefined) return [];
  const secret = { arn: heartbeatSecretArn, name: secretNameOf(heartbeatSecretArn) };
  const incident = toIncident(secret, undefined, sweep, {
    diagnosis: "TrailSilent",
    message: `A call that was made on ${new Date(silentSinceMs).toISOString()} has not come back as an event: rotations that others begin, and their failures, may go unseen. What Rotor rotates itself goes on.`,
    nextSteps: [
      "See whether a CloudTrail trail is logging in this Region, with management events, write events among them.",
      'See whether the rule "heartbeat" and the others on the default bus are enabled and have their target.',
      "See the dead letters of the rules, and the log of dispatch.",
    ],
    severity: "warning",
  });
  return [{ diagnosis: "TrailSilent", incident, sinceMs: silentSinceMs + ON_ITS_WAY_MS }];
}
