import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { replay } from "./history-replay.ts";

export type RunStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** `caught`: it failed, and a Catch went on from there. */
export type StepStatus = "running" | "waiting-to-retry" | "succeeded" | "failed" | "caught" | "aborted";

export interface Attempt {
  readonly startedAt: Date;
  /** Absent: under way, or cut short by the end of its Map or execution. */
  readonly endedAt?: Date;
  readonly error?: string;
  /** What the error says: for a Lambda function the `errorMessage` of its Cause, else the Cause itself. */
  readonly message?: string;
}

/** Which iteration of a Map a step belongs to. */
export interface Iteration {
  /** Name of the Map state. */
  readonly map: string;
  readonly index: number;
  /** What it is about, if its input says so: a text, or the member `dependent` or `name`. */
  readonly item?: string;
  /** The iteration that its Map belongs to, where Maps are nested. */
  readonly outer?: Iteration;
}

/** One state, within one iteration where it is inside a Map. A state that was entered several times is one step. */
export interface Step {
  readonly name: string;
  /** The state's type: Task, Map, Choice, Wait, Pass, Succeed, Fail, Parallel. */
  readonly type: string;
  readonly iteration?: Iteration;
  readonly status: StepStatus;
  /** Of Task, Map and Parallel states: every try, those of all entries in a row. */
  readonly attempts: readonly Attempt[];
  /** How often the state was entered. */
  readonly entries: number;
  readonly startedAt: Date;
  readonly endedAt?: Date;
  /** From the first entry to the end, or to `now` where it has not ended; in milliseconds. */
  readonly durationMs?: number;
  /** What a Task was last called with. Like every payload: absent where the history was read without execution data. */
  readonly request?: unknown;
  readonly output?: unknown;
  /** What its Assign set, by variable. */
  readonly assigned?: Readonly<Record<string, unknown>>;
}

export interface Run {
  readonly status: RunStatus;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  /** To the end, or to `now`; in milliseconds. */
  readonly durationMs?: number;
  readonly error?: string;
  readonly cause?: string;
  readonly output?: unknown;
  /** In the order in which they were first entered. */
  readonly steps: readonly Step[];
}

/**
 * Reads an execution from the events of GetExecutionHistory. The events may come in any order, and may end early: what a
 * part of a history does not say is left open, never guessed. Pure.
 *
 * @param now what has not ended is measured to here
 */
export function readRun(events: readonly HistoryEvent[], now?: Date): Run {
  return replay(
    [...events].sort((a, b) => (a.id ?? 0) - (b.id ?? 0)),
    now,
  );
}
