import { randomUUID } from "node:crypto";
import { AwsError, type InvokeResult } from "../services/service.ts";
import { LAMBDA_INVOKE_FOR_TOKEN, type TaskState } from "./definition.ts";
import { BranchCut, StateFailure } from "./failure.ts";
import { detailsOf, type HistoryEvent, WHOLE } from "./history.ts";
import type { Json } from "./jsonata.ts";
import type { Run } from "./run.ts";
import { type Ending, isLostHeartbeat, taskToken, waitForToken } from "./task-token.ts";
import type { Visit } from "./visit.ts";

const LAMBDA = { resource: "invoke", resourceType: "lambda" };
const LAMBDA_FOR_TOKEN = { ...LAMBDA, resource: "invoke.waitForTaskToken" };

/**
 * Runs one attempt of a Task and returns its result. What the history says of it is what counts.
 * @throws StateFailure what the function threw, Lambda.<Name>, States.Timeout, States.DataLimitExceeded
 * @throws BranchCut
 */
export async function runTask(visit: Visit, state: TaskState): Promise<Json> {
  const { branch, run } = visit;
  const token = state.Resource === LAMBDA_INVOKE_FOR_TOKEN ? taskToken(visit) : undefined;
  visit.taskToken = token;
  const timeout = await seconds(visit, "TimeoutSeconds", state.TimeoutSeconds);
  const heartbeat = await seconds(visit, "HeartbeatSeconds", state.HeartbeatSeconds);
  const parameters = state.Arguments === undefined ? visit.input : await visit.evaluate(state.Arguments, "Arguments");
  const tag = token === undefined ? LAMBDA : LAMBDA_FOR_TOKEN;
  const scheduled = branch.record("TaskScheduled", {
    ...tag,
    region: run.surroundings.region,
    parameters: visit.payload(parameters),
    timeoutInSeconds: timeout,
    heartbeatInSeconds: heartbeat,
  });
  const lost = branch.next()?.type === "TaskStarted" ? run.surroundings.lost : undefined;
  const started = branch.record("TaskStarted", tag);
  const submitted = branch.next()?.type === "TaskSubmitted";
  if (submitted) branch.record("TaskSubmitted");

  const recorded = branch.next();
  let ended: HistoryEvent;
  if (recorded !== undefined) ended = branch.record(recorded.type);
  else if (token === undefined) ended = await call(visit, scheduled, started, lost);
  else {
    const submit = (signal: AbortSignal) => invoke(visit, scheduled, signal, lost);
    ended = await waitForToken(visit, { token, scheduled, started, submitted, tag, submit });
  }
  const { output, error, cause } = detailsOf(ended);
  if (ended.type === "TaskSucceeded") return JSON.parse(String(output));
  throw new StateFailure(
    error as string | undefined,
    cause as string | undefined,
    isLostHeartbeat(scheduled, started, ended),
  );
}

async function seconds(visit: Visit, field: string, value: number | string | undefined): Promise<number | undefined> {
  return value === undefined ? undefined : await visit.evaluateInteger(value, field, 1);
}

/**
 * Calls the function and records how that ended. A result that comes after the timeout, or after the branch was cut, is
 * lost. No heartbeat can come: HeartbeatSeconds is a timeout too (States Language, "Timeouts").
 */
async function call(
  visit: Visit,
  scheduled: HistoryEvent,
  started: HistoryEvent,
  lost: InvokeResult | undefined,
): Promise<HistoryEvent> {
  const { branch, run } = visit;
  const { clock } = run.surroundings;
  const { timeoutInSeconds, heartbeatInSeconds } = detailsOf(scheduled);
  const limits = [timeoutInSeconds, heartbeatInSeconds].filter((limit) => limit !== undefined);
  await branch.live();

  const over = new AbortController();
  const finish = () => over.abort(OVER);
  branch.signal.addEventListener("abort", finish, { once: true });
  try {
    const left = (limit: unknown) => started.timestamp.getTime() + Number(limit) * 1000 - clock.now();
    const ending = await Promise.race([
      clock.track(invoke(visit, scheduled, over.signal, lost)),
      ...limits.map((limit) => timeout(clock.sleep(left(limit), "timeout", over.signal))),
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

/** `lost`: an earlier process called it, and this is what came of it. */
async function invoke(
  visit: Visit,
  scheduled: HistoryEvent,
  signal: AbortSignal,
  lost: InvokeResult | undefined,
): Promise<Ending> {
  const parameters: Json = JSON.parse(String(detailsOf(scheduled).parameters));
  const { FunctionName, Payload = {} } = (parameters ?? {}) as { FunctionName?: unknown; Payload?: Json };
  if (typeof FunctionName !== "string") return failed("States.Runtime", visit.cause("FunctionName must be a string."));
  let answer: InvokeResult;
  try {
    answer = lost ?? (await visit.run.surroundings.invoke(functionArn(visit.run, FunctionName), Payload, signal));
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
