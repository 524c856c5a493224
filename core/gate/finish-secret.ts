import { isRetryable, RotationError } from "../errors.ts";
import { describeExecution, isRunning } from "../executions.ts";
import { executionName } from "../identity.ts";
import { AWSCURRENT, describeSecret, holds } from "../versions/secret.ts";
import type { GateCall } from "./call.ts";
import { failedExecution } from "./failed-execution.ts";

/** How long labels may lag behind the workflow's own write, in milliseconds. */
const VISIBLE_WITHIN_MS = 30_000;

/**
 * finishSecret of the gate: the workflow has moved AWSCURRENT already; this only sees that it is so. AWSPENDING stays on the
 * version: taking it off is Secrets Manager's own business (user guide, rotation functions).
 * @throws RotationError RolledBack, NotConverged and others as the execution ended; VersionNotVisible (AWSCURRENT is not seen on
 *   the version within 30 s)
 */
export async function gateFinishSecret(call: GateCall): Promise<void> {
  const deadline = Date.now() + VISIBLE_WITHIN_MS;
  for (let pause = call.firstPauseMs; ; pause = Math.min(pause * 2, VISIBLE_WITHIN_MS / 6)) {
    try {
      if (await isFinished(call)) return;
    } catch (error) {
      // A look that could not be made decides nothing.
      if (!isRetryable(error)) throw error;
    }
    if (Date.now() + pause > deadline) {
      throw new RotationError(
        "VersionNotVisible",
        `The execution of version ${call.token} and AWSCURRENT on it were not both seen within ${VISIBLE_WITHIN_MS / 1000} s.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** @throws RotationError when the execution has ended otherwise than well */
async function isFinished(call: GateCall): Promise<boolean> {
  const execution = await describeExecution(call.sfn, call.stateMachineArn, executionName(call.secretArn, call.token));
  if (execution === undefined || isRunning(execution)) return false;
  if (execution.status !== "SUCCEEDED" || execution.outcome !== "SUCCEEDED") {
    throw failedExecution(call.secretArn, execution);
  }
  const { labels } = await describeSecret(call.client, call.secretArn);
  return holds(labels, call.token, AWSCURRENT);
}
