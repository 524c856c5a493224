import type { Execution } from "../engine/execution.ts";
import { WHOLE } from "../engine/history.ts";
import { type Ending, executionOfToken, type WaitingTask } from "../engine/task-token.ts";
import { AwsError, type Operation } from "./service.ts";
import { checkLength, checkOutput, type Input, required } from "./states-input.ts";

/**
 * SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat. A token is good for one end of its task: after that, and after
 * the task ended without it, the answer is TaskTimedOut. Only output that is no JSON is refused before (recorded on AWS:
 * stackd callback_lifecycle, 2026-09-23; the text for a task that is no activity: many published logs).
 */
export function taskOperations(executionOf: (arn: string) => Execution | undefined): Record<string, Operation> {
  async function settle(token: string, ending: Ending) {
    if (!(await waitingTask(token)).end(ending)) throw timedOut();
    return {};
  }

  async function waitingTask(token: string): Promise<WaitingTask> {
    const task = await executionNamedBy(token).waitingTask(token);
    if (task === undefined) throw timedOut();
    return task;
  }

  function executionNamedBy(token: string): Execution {
    const arn = executionOfToken(token);
    if (arn === undefined) throw new AwsError("InvalidToken", "Invalid Token: 'Invalid token'");
    const execution = executionOf(arn);
    if (execution === undefined) throw new AwsError("TaskDoesNotExist", `Task Does Not Exist: ${GONE}`);
    return execution;
  }

  return {
    async SendTaskSuccess({ output, ...input }: Input<"taskToken"> & { readonly output?: string }) {
      const token = required(input, "taskToken");
      if (typeof output !== "string") required({ output }, "output");
      executionNamedBy(token);
      const text = checkOutput(output ?? "");
      return await settle(token, { type: "TaskSucceeded", details: { output: text, outputDetails: WHOLE } });
    },
    async SendTaskFailure({ error, cause, ...input }: Input<"taskToken">) {
      const token = required(input, "taskToken");
      checkLength("error", error, 256);
      checkLength("cause", cause, 32_768);
      return await settle(token, { type: "TaskFailed", details: { error, cause } });
    },
    async SendTaskHeartbeat(input: Input<"taskToken">) {
      (await waitingTask(required(input, "taskToken"))).heartbeat();
      return {};
    },
  };
}

function timedOut(): AwsError {
  return new AwsError("TaskTimedOut", `Task Timed Out: ${GONE}`);
}

const GONE = "'Provided task does not exist anymore'";
