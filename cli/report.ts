import { describeExecution, type Execution, type ExecutionOutcome, outcomeOf } from "../core/executions.ts";
import { type Run, readRun } from "../core/history.ts";
import { requestOf } from "../core/identity.ts";
import type { Policy } from "../core/policies.ts";
import { REHEARSAL_TAG } from "../core/rehearsal.ts";
import { readHistory } from "../core/run-facts.ts";
import type { Secret } from "../core/versions/secret.ts";
import { type BoardRow, readBoard } from "./board.ts";
import { executionNamePrefix, type ListedRun, listRuns, rotationOf } from "./runs.ts";
import type { Session } from "./session.ts";

/** What an auditor asks of one secret. */
export interface ReportRow extends BoardRow {
  /** How often each outcome was in the time of the report. */
  readonly outcomes: Readonly<Partial<Record<ExecutionOutcome, number>>>;
  /** Who asked for the newest run, as far as its token tells. */
  readonly askedBy: string | undefined;
  /** When the newest rehearsal that is kept on the secret was passed. */
  readonly rehearsedAt: Date | undefined;
}

export interface Report {
  readonly from: Date;
  readonly to: Date;
  /** The oldest execution that Step Functions still has; undefined: it has none. */
  readonly oldestRun: Date | undefined;
  readonly rows: readonly ReportRow[];
  /** Policies that name a secret which is not there. */
  readonly missing: readonly Policy[];
  /** How many secrets have no policy, and no row. */
  readonly passedOver: number;
}

/**
 * Reads what the report says: DescribeSecret for what is true now, and the executions for what was.
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function readReport(
  session: Session,
  { from, to, all }: { readonly from: Date; readonly to: Date; readonly all: boolean },
): Promise<Report> {
  const { clients } = session;
  const { stateMachineArn } = await session.deployment();
  const runsOf = new Map<string, ListedRun[]>();
  let oldestRun: Date | undefined;
  for await (const listed of listRuns(clients.sfn, stateMachineArn)) {
    const { name = "", startDate } = listed;
    oldestRun = startDate;
    if (startDate === undefined || startDate < from || startDate > to) continue;
    const prefix = name.slice(0, executionNamePrefix("").length);
    runsOf.set(prefix, [...(runsOf.get(prefix) ?? []), listed]);
  }
  const rows: ReportRow[] = [];
  let passedOver = 0;
  const passOver = () => void passedOver++;
  const policies = await session.policies();
  for await (const row of readBoard(session, policies, { all, now: to, passOver })) {
    const outcomes: ExecutionOutcome[] = [];
    for (const listed of runsOf.get(executionNamePrefix(row.secret.arn)) ?? []) {
      session.progress.say(`reading secrets: ${rows.length + 1}, its run ${outcomes.length + 1}`);
      const outcome = listed.name === row.run?.name ? row.outcome : await outcomeIn(session, listed);
      if (outcome !== undefined) outcomes.push(outcome);
    }
    session.progress.clear();
    rows.push({
      ...row,
      outcomes: countOf(outcomes),
      askedBy: row.run === undefined ? undefined : await askedBy(session, row.run, row.secret),
      rehearsedAt: rehearsedAt(row.secret.tags),
    });
  }
  const found = new Set(rows.map(({ policy }) => policy?.secretId));
  const missing = policies.filter(({ secretId }) => !found.has(secretId));
  return { from, to, oldestRun, rows, missing, passedOver };
}

// --- internal ---

/** Most states of an execution are an outcome by themselves; it is looked at only where it has ended, and told more. */
async function outcomeIn(session: Session, { name = "", status }: ListedRun): Promise<ExecutionOutcome | undefined> {
  if (status !== "SUCCEEDED" && status !== "FAILED") return outcomeOf({ status: status as Execution["status"] });
  const { stateMachineArn } = await session.deployment();
  const execution = await describeExecution(session.clients.sfn, stateMachineArn, name);
  return execution && outcomeOf(execution);
}

function countOf(outcomes: readonly ExecutionOutcome[]): ReportRow["outcomes"] {
  const counts: Partial<Record<ExecutionOutcome, number>> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/**
 * A token that was derived from its base was asked for through Rotor; any other of a native rotation is the service's own. Undefined:
 * its base is not known, as of one that has ended before Plan did.
 */
async function askedBy({ clients }: Session, run: Execution, { labels }: Secret): Promise<string | undefined> {
  const { mode, token, secretArn } = rotationOf(run);
  if (mode === "repair") return "Rotor, as a repair";
  if (mode === "observed") return "its owner";
  // Who it was derived from proves itself: mostly a version with a label, and then no history is read.
  const known = Object.keys(labels).find((id) => requestOf(token, secretArn, id) !== undefined);
  const base = known ?? plannedBase(readRun((await readHistory(clients.sfn, run.arn)) ?? []));
  const request = base === undefined ? undefined : requestOf(token, secretArn, base);
  if (request !== undefined) return `Rotor, ${request.kind} attempt ${request.attempt}`;
  if (mode === "driven") return "Rotor";
  return base === undefined ? undefined : "Secrets Manager";
}

/** The version that was AWSCURRENT when the rotation was planned. */
function plannedBase({ steps }: Run): string | undefined {
  const plans = steps.map(({ assigned }) => Object(assigned?.["plan"]) as { readonly base?: unknown });
  const base = plans.findLast((plan) => typeof plan.base === "string")?.base;
  return typeof base === "string" ? base : undefined;
}

function rehearsedAt(tags: Readonly<Record<string, string>>): Date | undefined {
  const kept = Object.entries(tags).filter(([key]) => key.startsWith(REHEARSAL_TAG));
  const times = kept.map(([, value]) => Date.parse(value.split(" ")[0] ?? "")).filter((ms) => !Number.isNaN(ms));
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}
