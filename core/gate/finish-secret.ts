import { isRetryable, RotationError } from "../errors.ts";
import { describeExecution } from "../executions.ts";
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
  const execution = await describeExecution(call.sfn, call.stateMachineArn, executionName(call.secretArn, call.token));
  if (execution?.status !== "SUCCEEDED" || execution.outcome !== "SUCCEEDED") {
    throw failedExecution(call.secretArn, execution === undefined ? [] : [execution]);
  }
  const deadline = Date.now() + VISIBLE_WITHIN_MS;
  for (let pause = call.firstPauseMs; ; pause = Math.min(pause * 2, VISIBLE_WITHIN_MS / 6)) {
    const seen = await describeSecret(call.client, call.secretArn).catch((error: unknown) => {
      if (!isRetryable(error)) throw error;
    });
    if (seen && holds(seen.labels, call.token, AWSCURRENT)) return;
    if (Date.now() + pause > deadline) {
      throw new RotationError(
        "VersionNotVisible",
        `Execution ${execution.name} succeeded, yet AWSCURRENT is not on version ${call.token}.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
