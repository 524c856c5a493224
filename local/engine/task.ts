import { randomUUID } from "node:crypto";
import { AwsError, type InvokeResult } from "../services/service.ts";
import type { TaskState } from "./definition.ts";
import { BranchCut, StateFailure } from "./failure.ts";
import { detailsOf, type EventDetails, type HistoryEvent, WHOLE } from "./history.ts";
import type { Json } from "./jsonata.ts";
import type { Run } from "./run.ts";
import type { Visit } from "./visit.ts";

const LAMBDA = { resource: "invoke", resourceType: "lambda" };

/** How an attempt ended, before it is recorded. */
interface Ending {
  readonly type: "TaskSucceeded" | "TaskFailed" | "TaskTimedOut";
  readonly details: EventDetails;
}

/**
 * Runs one attempt of a Task and returns its result. What the history says of it is what counts.
 * @throws StateFailure what the function threw, Lambda.<Name>, States.Timeout, States.DataLimitExceeded
 * @throws BranchCut
 */
export async function runTask(visit: Visit, state: TaskState): Promise<Json> {
  const { branch, run } = visit;
  const timeout =
    state.TimeoutSeconds === undefined
      ? undefined
      : await visit.evaluateInteger(state.TimeoutSeconds, "TimeoutSeconds", 1);
  const parameters = state.Arguments === undefined ? visit.input : await visit.evaluate(state.Arguments, "Arguments");
  const scheduled = branch.record("TaskScheduled", {
    ...LAMBDA,
    region: run.surroundings.region,
    parameters: visit.payload(parameters),
    timeoutInSeconds: timeout,
  });
  const started = branch.record("TaskStarted", LAMBDA);

  const recorded = branch.next();
  const ended = recorded === undefined ? await call(visit, scheduled, started) : branch.record(recorded.type);
  const { output, error, cause } = detailsOf(ended);
  if (ended.type === "TaskSucceeded") return JSON.parse(String(output));
  throw new StateFailure(error as string, cause as string | undefined);
}

/** Calls the function and records how that ended. A result that comes after the timeout, or after the branch was cut, is lost. */
async function call(visit: Visit, scheduled: HistoryEvent, started: HistoryEvent): Promise<HistoryEvent> {
  const { branch, run } = visit;
  const { clock } = run.surroundings;
  const { parameters, timeoutInSeconds } = detailsOf(scheduled);
  await branch.live();

  const over = new AbortController();
  const finish = () => over.abort(OVER);
  branch.signal.addEventListener("abort", finish, { once: true });
  try {
    const due = started.timestamp.getTime() + Number(timeoutInSeconds) * 1000;
    const ending = await Promise.race([
      clock.track(invoke(visit, JSON.parse(String(parameters)), over.signal)),
      ...(timeoutInSeconds === undefined ? [] : [timeout(clock.sleep(due - clock.now(), "timeout", over.signal))]),
      cut(over.signal),
    ]);
    return branch.record(ending.type, { ...LAMBDA, ...ending.details });
  } finally {
    branch.signal.removeEventListener("abort", finish);
    finish();
  }
}

/** The default reason would build a DOMException with its stack for every task. */
const OVER = Symbol("over");

async function invoke(visit: Visit, parameters: Json, signal: AbortSignal): Promise<Ending> {
  const { FunctionName, Payload = {} } = (parameters ?? {}) as { FunctionName?: unknown; Payload?: Json };
  if (typeof FunctionName !== "string") return failed("States.Runtime", visit.cause("FunctionName must be a string."));
  let answer: InvokeResult;
  try {
    answer = await visit.run.surroundings.invoke(functionArn(visit.run, FunctionName), Payload, signal);
  } catch (error) {
    return lambdaRefused(error);
  }
  if (answer.FunctionError !== undefined) return functionFailed(answer.Payload);
  try {
    return { type: "TaskSucceeded", details: { output: visit.payload(result(answer)), outputDetails: WHOLE } };
  } catch (error) {
    if (error instanceof StateFailure) return failed(error.error, error.cause);
    throw error;
  }
}

async function timeout(sleeping: Promise<boolean>): Promise<Ending> {
  if (await sleeping) return { type: "TaskTimedOut", details: { error: "States.Timeout" } };
  throw new BranchCut();
}

function cut(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new BranchCut()), { once: true });
  });
}

function failed(error: string | undefined, cause: string | undefined): Ending {
  return { type: "TaskFailed", details: { error, cause } };
}

/** The function threw, or Lambda ended it: its errorType is the error, and the cause is the JSON text that Lambda returned. */
function functionFailed(payload: unknown): Ending {
  const text = JSON.stringify(payload) ?? "";
  const errorType = (payload as { errorType?: unknown } | null | undefined)?.errorType;
  if (typeof errorType === "string" && errorType !== "") return failed(errorType, text);
  return failed(
    "Lambda.Unknown",
    `The cause could not be determined because Lambda did not return an error type. Returned payload: ${text}`,
  );
}

/** Lambda did not run the function. The cause has the form that AWS recorded for Lambda.ResourceNotFoundException. */
function lambdaRefused(error: unknown): Ending {
  if (!(error instanceof AwsError)) return failed("Lambda.Unknown", String((error as Error)?.message ?? error));
  return failed(
    `Lambda.${error.name}`,
    `${error.message} (Service: AWSLambda; Status Code: ${error.statusCode}; Error Code: ${error.name}; ` +
      `Request ID: ${randomUUID()}; Proxy: null)`,
  );
}

function functionArn({ surroundings }: Run, nameOrArn: string): string {
  if (nameOrArn.startsWith("arn:")) return nameOrArn;
  return `arn:aws:lambda:${surroundings.region}:${surroundings.accountId}:function:${nameOrArn}`;
}

/** The result of lambda:invoke, as recorded on AWS: Lambda's answer, and what the SDK saw of HTTP. */
function result(answer: InvokeResult) {
  const requestId = randomUUID();
  const headers = {
    "Content-Length": String(Buffer.byteLength(JSON.stringify(answer.Payload ?? null))),
    "Content-Type": "application/json",
    "X-Amz-Executed-Version": answer.ExecutedVersion,
    "x-amzn-RequestId": requestId,
  };
  return {
    ExecutedVersion: answer.ExecutedVersion,
    Payload: answer.Payload ?? null,
    SdkHttpMetadata: {
      AllHttpHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
      HttpHeaders: headers,
      HttpStatusCode: 200,
    },
    SdkResponseMetadata: { RequestId: requestId },
    StatusCode: answer.StatusCode,
  };
}
