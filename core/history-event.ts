import type { HistoryEvent } from "@aws-sdk/client-sfn";

/** What an event means for the state that it belongs to. Events that change nothing a reader sees are "other". */
export type EventKind =
  | "execution-started"
  | "execution-ended"
  | "execution-redriven"
  | "state-entered"
  | "state-exited"
  | "attempt-started"
  | "attempt-succeeded"
  | "attempt-failed"
  | "evaluation-failed"
  | "iteration-started"
  | "iteration-succeeded"
  | "iteration-failed"
  | "iteration-aborted"
  | "other";

export interface EventFacts {
  readonly kind: EventKind;
  readonly id: number;
  readonly previousId: number;
  readonly at: Date;
  readonly type: string;
  /** Members of its "...EventDetails" as they are needed; all are texts but for `index`. */
  readonly details: {
    readonly name?: string;
    readonly index?: number;
    readonly state?: string;
    readonly input?: string;
    readonly output?: string;
    readonly parameters?: string;
    readonly error?: string;
    readonly cause?: string;
    readonly assignedVariables?: Readonly<Record<string, string>>;
  };
}

const KINDS: readonly (readonly [pattern: RegExp, kind: EventKind])[] = [
  [/^ExecutionStarted$/, "execution-started"],
  [/^ExecutionRedriven$/, "execution-redriven"],
  [/^Execution(Succeeded|Failed|TimedOut|Aborted)$/, "execution-ended"],
  [/StateEntered$/, "state-entered"],
  [/StateExited$/, "state-exited"],
  [/^EvaluationFailed$/, "evaluation-failed"],
  [/^MapIterationStarted$/, "iteration-started"],
  [/^MapIterationSucceeded$/, "iteration-succeeded"],
  [/^MapIterationFailed$/, "iteration-failed"],
  [/^MapIterationAborted$/, "iteration-aborted"],
  [/^(Task|LambdaFunction|Activity)Scheduled$|^(Map|Parallel)StateStarted$/, "attempt-started"],
  [/^(Task|LambdaFunction|Activity|MapState|ParallelState)Succeeded$/, "attempt-succeeded"],
  [/^(Task|LambdaFunction|Activity)((Schedule|Start|Submit)?Failed|TimedOut)$/, "attempt-failed"],
  [/^(Map|Parallel)StateFailed$/, "attempt-failed"],
];

export function readEvent(event: HistoryEvent): EventFacts {
  const type = event.type ?? "";
  const key = `${type.charAt(0).toLowerCase()}${type.slice(1)}EventDetails`;
  const all = event as unknown as Readonly<Record<string, EventFacts["details"] | undefined>>;
  return {
    kind: KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? "other",
    id: event.id ?? 0,
    previousId: event.previousEventId ?? 0,
    at: event.timestamp ?? new Date(0),
    type,
    // All kinds of states share two names of details; those of iterations and tasks are named after their event.
    details: event.stateEnteredEventDetails ?? event.stateExitedEventDetails ?? all[key] ?? {},
  };
}

/** A payload is JSON text; one that AWS cut short is not, and is kept as it is. */
export function readPayload(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A failed Lambda function's Cause is the JSON text of {errorType, errorMessage, trace}. */
export function readMessage(cause: string | undefined): string | undefined {
  const parsed = readPayload(cause);
  const message =
    parsed !== null && typeof parsed === "object" && "errorMessage" in parsed ? parsed.errorMessage : cause;
  return typeof message === "string" ? message : cause;
}
