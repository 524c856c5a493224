import type { Clock } from "../clock.ts";
import type { InvokeResult, Place } from "../services/service.ts";
import type { Branch } from "./branch.ts";
import type { StateGraph } from "./definition.ts";
import type { Evaluator, Json } from "./jsonata.ts";
import type { WaitingTask } from "./task-token.ts";

/** What never changes during an execution. */
export interface ExecutionRecord {
  readonly executionArn: string;
  readonly name: string;
  readonly stateMachineArn: string;
  readonly stateMachineName: string;
  readonly roleArn: string;
  /** JSON text, as given to CreateStateMachine. */
  readonly definition: string;
  /** JSON text, as given to StartExecution. */
  readonly input: string;
  /** Milliseconds since the epoch. */
  readonly startDate: number;
}

/** Where an execution runs. */
export interface Surroundings extends Place {
  readonly clock: Clock;
  readonly evaluator: Evaluator;
  /** In [0, 1): the jitter of retries. */
  readonly random: () => number;
  /**
   * Runs a function. Rejects with AwsError for what Lambda itself refuses. An aborted signal ends the waiting, not the
   * function; what it then returns is not looked at.
   */
  readonly invoke: (functionArn: string, payload: unknown, signal: AbortSignal) => Promise<InvokeResult>;
  /** What is known of a function that ran when an earlier process ended. Default: nothing, and it is called again. */
  readonly lost?: InvokeResult | undefined;
}

export interface Run {
  readonly record: ExecutionRecord;
  /** The execution's input, parsed. */
  readonly input: Json;
  readonly surroundings: Surroundings;
  /** The tasks that wait for their token, by token. */
  readonly waiting: Map<string, WaitingTask>;
  /** To be called when a task begins to wait for its token, and when a branch begins or ends. */
  moved(): void;
}

/** `runGraph` of interpreter.ts, for what runs graphs inside of graphs. */
export type RunGraph = (run: Run, branch: Branch, graph: StateGraph, input: Json) => Promise<Json>;
