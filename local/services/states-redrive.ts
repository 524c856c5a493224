import type { Execution } from "../engine/execution.ts";
import { MAXIMUM_EVENTS } from "../engine/history.ts";
import { AwsError } from "./service.ts";

/** How often the execution was redriven, and when last. */
export function redrives(execution: Execution): { redriveCount: number; redriveDate: Date | undefined } {
  return { redriveCount: execution.redrives.length, redriveDate: execution.redrives.at(-1)?.date };
}

/** Why it cannot be redriven now, in AWS's words (AWS, DescribeExecution, redriveStatusReason); undefined when it can be. */
export function redriveRefusal({ record, status, stopDate, events }: Execution, now: number): string | undefined {
  if (status === "RUNNING" || status === "SUCCEEDED") return `Execution is ${status} and cannot be redriven`;
  // One place is left for ExecutionRedriven, and one for the event that ends the execution.
  if (events.length >= MAXIMUM_EVENTS - 1) return "Execution history event limit exceeded";
  if (now - record.startDate > 365 * DAY) return "Execution has exceeded the max execution time";
  if (stopDate !== undefined && now - stopDate.getTime() > 14 * DAY) return "Execution redrivable period exceeded";
  return undefined;
}

/** `now` in milliseconds since the epoch. @throws AwsError ExecutionNotRedrivable */
export function checkRedrivable(execution: Execution, now: number): void {
  const reason = redriveRefusal(execution, now);
  if (reason === undefined) return;
  throw new AwsError(
    "ExecutionNotRedrivable",
    `Execution ${execution.record.executionArn} invalid for redrive as: ${reason}`,
  );
}

/**
 * When the client token redrove the execution. The last ten tokens are known for 15 minutes, whatever became of the
 * execution (AWS, RedriveExecution; recorded on AWS: stackd redrive_execution, 2026-09-24).
 */
export function dateOfToken({ redrives }: Execution, clientToken: string | undefined, now: number): Date | undefined {
  if (clientToken === undefined) return undefined;
  const known = redrives.slice(-10).findLast((redrive) => redrive.clientToken === clientToken);
  return known !== undefined && now - known.date.getTime() <= 15 * MINUTE ? known.date : undefined;
}

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
