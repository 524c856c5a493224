import { DescribeExecutionCommand, type DescribeExecutionOutput, type SFNClient } from "@aws-sdk/client-sfn";
import { fromAwsError, hasName } from "./aws.ts";
import { executionArn, executionName, MAX_ATTEMPTS, repairName } from "./identity.ts";
import type { OUTCOMES } from "./outcome.ts";

/** Our own Fail states' errors, and the outcome that each is the end of. */
const OUTCOMES_BY_END: Readonly<Record<string, (typeof OUTCOMES)[number]>> = {
  RotationRejected: "REJECTED",
  RolledBack: "ROLLED_BACK",
  NotConverged: "NOT_CONVERGED",
  RollbackFailed: "ROLLBACK_FAILED",
};

/** The errors of our own Fail states: an execution that ends with one of them has told its outcome. */
export const OWN_ENDS: ReadonlySet<string> = new Set(Object.keys(OUTCOMES_BY_END));

/**
 * Step Functions keeps a history for 90 days after the end; a day of them is left out, because clocks and ends differ. Of what
 * is older than that nobody knows any more whether an execution has touched the target. In milliseconds.
 */
export const HISTORY_KEPT_MS = 89 * 24 * 60 * 60 * 1000;

/** An execution as far as decisions need it. */
export interface Execution {
  readonly arn: string;
  readonly name: string;
  readonly status: "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED" | "PENDING_REDRIVE";
  readonly startedAt?: Date;
  readonly stoppedAt?: Date;
  /** When it was last made to go on after it had ended. */
  readonly redrivenAt?: Date;
  /** The output's `outcome`, when it ended SUCCEEDED. */
  readonly outcome?: string;
  /** The Fail state's name: RotationRejected, RolledBack, NotConverged, RollbackFailed; or a `States.*` name. */
  readonly error?: string;
  /** The Fail state's facts: the base it restored, the error that began it. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly input: Readonly<Record<string, unknown>>;
}

/**
 * The execution of a name; undefined when there is none.
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function describeExecution(
  client: SFNClient,
  stateMachineArn: string,
  name: string,
): Promise<Execution | undefined> {
  const arn = executionArn(stateMachineArn, name);
  try {
    const reply = await client.send(new DescribeExecutionCommand({ executionArn: arn }));
    return toExecution(arn, name, reply);
  } catch (error) {
    if (hasName(error, "ExecutionDoesNotExist")) return undefined;
    throw fromAwsError(error, `states:DescribeExecution of ${name}`);
  }
}

/**
 * The execution that rotates a version in, and its repairs in order. Names are derived from the version id, so nothing is
 * listed or searched; the first name that does not exist ends the row.
 */
export async function executionsOf(
  client: SFNClient,
  stateMachineArn: string,
  secretArn: string,
  versionId: string,
): Promise<readonly Execution[]> {
  const original = await describeExecution(client, stateMachineArn, executionName(secretArn, versionId));
  if (original === undefined) return [];
  return [original, ...(await repairsOf(client, stateMachineArn, secretArn, versionId))];
}

/**
 * The repairs of a version's execution, in order, whether or not there ever was such an execution.
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function repairsOf(
  client: SFNClient,
  stateMachineArn: string,
  secretArn: string,
  versionId: string,
): Promise<readonly Execution[]> {
  const name = executionName(secretArn, versionId);
  const found: Execution[] = [];
  for (let n = 1; n <= MAX_ATTEMPTS; n += 1) {
    const execution = await describeExecution(client, stateMachineArn, repairName(name, n));
    if (execution === undefined) break;
    found.push(execution);
  }
  return found;
}

/**
 * Whether the rotation of a version has let go of its secret: it succeeded, was kept on purpose, or never touched the target.
 * No execution at all holds nothing either: histories are kept for 90 days. Any other end left something to repair.
 */
export function hasLetGo(executions: readonly Execution[]): boolean {
  if (executions.some(isRunning)) return false;
  const last = lastThatCounts(executions);
  if (last === undefined) return true;
  return last.status === "SUCCEEDED" || last.error === "NotConverged" || last.error === "RotationRejected";
}

/**
 * The execution whose end says how a version's rotation ended: the last, but for those that changed nothing, which are one that
 * was ignored and a repair that failed in Plan. Undefined when there is none.
 */
export function lastThatCounts(executions: readonly Execution[]): Execution | undefined {
  return executions.findLast(({ outcome, input, facts }) => {
    const wasRefused = input["mode"] === "repair" && facts["failedIn"] === "Plan";
    return outcome !== "IGNORED" && !wasRefused;
  });
}

/** "DIED": it was stopped, timed out, or failed outside of its own outcomes. */
export type ExecutionOutcome = (typeof OUTCOMES)[number] | "IGNORED" | "RUNNING" | "DIED";

/** How an execution has ended, or that it has not. Pure. */
export function outcomeOf(execution: Pick<Execution, "status" | "outcome" | "error">): ExecutionOutcome {
  if (isRunning(execution)) return "RUNNING";
  if (execution.status === "SUCCEEDED") return execution.outcome === "IGNORED" ? "IGNORED" : "SUCCEEDED";
  return OUTCOMES_BY_END[execution.error ?? ""] ?? "DIED";
}

/** Whether the execution was the first part of a rehearsal, had converged, and was taken back: that it can be is proved. */
export function provesRollback(execution: Execution): boolean {
  return execution.error === "RolledBack" && execution.facts["error"] === "RehearsalRollback";
}

/** Whether the execution may still have effects: RUNNING, or about to be redriven. */
export function isRunning(execution: Pick<Execution, "status">): boolean {
  return execution.status === "RUNNING" || execution.status === "PENDING_REDRIVE";
}

function toExecution(arn: string, name: string, reply: DescribeExecutionOutput): Execution {
  const output = readObject(reply.output);
  return {
    arn,
    name,
    status: reply.status as Execution["status"],
    startedAt: reply.startDate,
    stoppedAt: reply.stopDate,
    redrivenAt: reply.redriveDate,
    outcome: typeof output["outcome"] === "string" ? output["outcome"] : undefined,
    error: reply.error,
    facts: readObject(reply.cause),
    input: readObject(reply.input),
  };
}

/** Text that should be a JSON object, and may be anything. */
function readObject(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return value !== null && typeof value === "object" && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
