import { readCredential, rotationContext } from "../credentials.ts";
import { isRetryable, RotationError } from "../errors.ts";
import { describeExecution, type Execution, isRunning } from "../executions.ts";
import { executionName } from "../identity.ts";
import { AWSCURRENT, hasValue, holderOf } from "../versions/secret.ts";
import { type GateCall, readTargetOf } from "./call.ts";
import { cleanUpRejected } from "./create-secret.ts";
import { failedExecution } from "./failed-execution.ts";

/** This much of the invocation is kept for saying that the workflow goes on, in milliseconds; a third of a short one. */
const RESERVE_MS = 40_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * testSecret of the gate: returns when the workflow has succeeded, and only then, so that Secrets Manager's
 * RotationSucceeded means that the dependents have converged. Labels may prove failure here, never success.
 *
 * A version without a value and without an execution is a test rotation (RotateImmediately=false): AWSCURRENT signs in,
 * and nothing is changed or announced.
 *
 * @throws RotationError WorkflowStillRunning (before the Lambda timeout: the workflow goes on, the retry waits again),
 *   RotationRejected, RolledBack, NotConverged, RollbackFailed; CredentialRejected, TargetUnavailable (test rotation)
 */
export async function gateTestSecret(call: GateCall): Promise<void> {
  const ended = await awaitExecution(call);
  if (ended === undefined) return testCurrent(call);
  if (ended.status === "SUCCEEDED" && ended.outcome === "SUCCEEDED") return;
  await cleanUpRejected(call, [ended]);
  throw failedExecution(call.secretArn, ended);
}

/** The execution when it has ended; undefined for a test rotation, which has none. */
async function awaitExecution(call: GateCall): Promise<Execution | undefined> {
  const name = executionName(call.secretArn, call.token);
  const reserveMs = Math.min(RESERVE_MS, call.remainingMs() / 3);
  for (let pause = call.firstPauseMs; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    try {
      const execution = await describeExecution(call.sfn, call.stateMachineArn, name);
      if (execution === undefined && !(await hasValue(call.client, call.secretArn, call.token))) return undefined;
      if (execution !== undefined && !isRunning(execution)) return execution;
    } catch (error) {
      // A look that could not be made decides nothing: throttled means wait on.
      if (!isRetryable(error)) throw error;
    }
    if (call.remainingMs() < reserveMs + pause) {
      throw new RotationError(
        "WorkflowStillRunning",
        `Execution ${name} has not ended yet, and this call's time is over. The workflow goes on; Secrets Manager's retry waits for it again.`,
      );
    }
    // Jitter, so that many waiting gates do not ask at the same instant (DescribeExecution refills 10 to 15 a second).
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
  }
}

async function testCurrent(call: GateCall): Promise<void> {
  const { secret, target } = await readTargetOf(call);
  const current = holderOf(secret.labels, AWSCURRENT);
  if (current === undefined) {
    throw new RotationError("ConfigurationInvalid", `${secret.name} has no AWSCURRENT version: put a first value.`);
  }
  const { credential } = await readCredential(target, current);
  const context = rotationContext({ ...target, token: current });
  await target.strategy.testSecret(credential, { ...context, isTestRotation: true });
}
