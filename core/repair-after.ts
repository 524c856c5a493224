import type { SFNClient } from "@aws-sdk/client-sfn";
import { type Execution, isRunning, repairsOf } from "./executions.ts";

/** A fault that kills every repair would go on for ever: after so many a person has to look. */
export const AUTOMATIC_REPAIRS = 3;

/**
 * The repair that finishes what a dead execution left: the one that began after its end, or the next that may. One that was
 * asked for while the execution still ran was refused, and has finished nothing.
 *
 * @param execution a rotation's, or one of its repairs
 * @returns its number, whether it is there already, and the repair that runs now, whichever it is
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function repairAfter(
  sfn: SFNClient,
  stateMachineArn: string,
  { secretArn, token }: { readonly secretArn: string; readonly token: string },
  execution: Execution,
): Promise<{ readonly repair: number; readonly exists: boolean; readonly running?: Execution }> {
  const own = Number(/-r(\d+)$/.exec(execution.name)?.[1] ?? 0);
  const repairs = await repairsOf(sfn, stateMachineArn, secretArn, token);
  const endedMs = execution.stoppedAt?.getTime() ?? 0;
  const after = repairs.findIndex((each, index) => index >= own && mayFinish(each, endedMs));
  const running = repairs.find(isRunning);
  return { repair: (after === -1 ? repairs.length : after) + 1, exists: after !== -1, running };
}

/** One that was refused while the execution ran, or was stopped before its end, has finished nothing, whatever the clocks say. */
function mayFinish(repair: Execution, endedMs: number): boolean {
  if ((repair.startedAt?.getTime() ?? 0) < endedMs) return false;
  if (repair.facts["failedIn"] === "Plan" && repair.facts["error"] === "RotationInProgress") return false;
  const isDead = repair.status === "ABORTED" || repair.status === "TIMED_OUT";
  return !isDead || (repair.stoppedAt?.getTime() ?? 0) > endedMs;
}
