import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { AwsError, type InvokeResult } from "../../local/services/service.ts";
import type { InterceptedCall, Replacement } from "../../local/wire-calls.ts";

/** What a task asks its function. */
export interface TaskCall {
  readonly FunctionName: string;
  readonly Payload: Readonly<Record<string, unknown>>;
}

/** A task in a history: what it asked, where, and what it got. */
export interface TaskEvent extends TaskCall {
  readonly id: number;
  /** The state that it belongs to. */
  readonly state: string;
  /** Absent: the execution was over first. */
  readonly result?: { readonly Payload: unknown } | { readonly error: string; readonly cause: string };
}

/** What the call asks for: the Step, action or outcome in its payload; "plan" for Plan. */
export function stepOf({ Payload }: TaskCall): string {
  return String(Payload["Step"] ?? Payload["action"] ?? Payload["outcome"] ?? "plan");
}

/** What tells the tasks of one execution apart, but for those that follow each other. */
export function keyOf(call: TaskCall): string {
  return [call.FunctionName.split(":").at(-1), stepOf(call), call.Payload["dependent"] ?? ""].join(" ");
}

/** The call, if it is one that the workflow makes for this secret. */
export function taskCallOf(call: InterceptedCall, secretArn: string): TaskCall | undefined {
  if (call.service !== "lambda" || call.caller !== "states") return undefined;
  const task = call.input as TaskCall;
  return JSON.stringify(task.Payload).includes(secretArn) ? task : undefined;
}

/** Every task of a history, in the order in which they were scheduled. */
export function tasksOf(history: readonly HistoryEvent[]): readonly TaskEvent[] {
  const byId = new Map(history.map((event) => [event.id, event]));
  const following = new Map(history.map((event) => [event.previousEventId, event]));
  return history.flatMap((event) => {
    if (event.taskScheduledEventDetails === undefined) return [];
    let entered: HistoryEvent | undefined = event;
    while (entered !== undefined && entered.stateEnteredEventDetails === undefined) {
      entered = byId.get(entered.previousEventId);
    }
    let end: HistoryEvent | undefined = event;
    while (end !== undefined && !/^Task(Succeeded|Failed|TimedOut)$/.test(end.type ?? "")) end = following.get(end.id);
    const call = JSON.parse(event.taskScheduledEventDetails.parameters ?? "{}") as TaskCall;
    const result = resultOf(end);
    const state = entered?.stateEnteredEventDetails?.name ?? "";
    return [{ ...call, id: event.id ?? 0, state, ...(result === undefined ? {} : { result }) }];
  });
}

/** The result as the function, or Lambda, once gave it. */
export function replyWith(result: TaskEvent["result"]): Replacement {
  if (result === undefined) throw new Error("The task has no result.");
  if ("Payload" in result) return { reply: { StatusCode: 200, ExecutedVersion: "$LATEST", Payload: result.Payload } };
  return failWith(result.error, JSON.parse(result.cause.startsWith("{") ? result.cause : "{}"));
}

/** @throws AwsError for an error of Lambda itself */
export function failWith(error: string, said: object = {}): Replacement {
  if (error.startsWith("Lambda.")) throw new AwsError(error.slice("Lambda.".length), "Rate Exceeded.", 429);
  const Payload = { errorType: error, errorMessage: `${error}, as the recording wants it.`, trace: [], ...said };
  const reply: InvokeResult = { StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled", Payload };
  return { reply };
}

function resultOf(end: HistoryEvent | undefined): TaskEvent["result"] {
  const failed = end?.taskFailedEventDetails ?? end?.taskTimedOutEventDetails;
  if (failed !== undefined) return { error: failed.error ?? "", cause: failed.cause ?? "" };
  const output = end?.taskSucceededEventDetails?.output;
  return output === undefined ? undefined : { Payload: (JSON.parse(output) as { Payload: unknown }).Payload };
}
