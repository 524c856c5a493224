import type { StateMachineDefinition } from "./definition.ts";
import { BranchCut, StateFailure } from "./failure.ts";
import {
  Branch,
  detailsOf,
  type EventDetails,
  History,
  type HistoryEvent,
  type JournalEntry,
  WHOLE,
} from "./history.ts";
import { runGraph } from "./interpreter.ts";
import type { Json } from "./jsonata.ts";
import type { ExecutionRecord, Surroundings } from "./run.ts";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** Where the histories outlive the process. All of it is synchronous: an event is stored before anything follows from it. */
export interface ExecutionStore {
  begin(record: ExecutionRecord): void;
  append(executionArn: string, entry: JournalEntry): void;
  /** Everything stored, oldest execution first. A timestamp may be the text that JSON makes of a Date. */
  load(): Iterable<{ readonly record: ExecutionRecord; readonly entries: readonly JournalEntry[] }>;
}

export interface ExecutionOptions {
  readonly record: ExecutionRecord;
  /** `record.definition`, parsed. */
  readonly definition: StateMachineDefinition;
  readonly surroundings: Surroundings;
  /** What an earlier process recorded: the execution goes on from there. */
  readonly recorded?: readonly JournalEntry[];
  readonly append?: (entry: JournalEntry) => void;
  /** Called once, when it ends; not when an earlier process had ended it. */
  readonly onEnd?: (execution: Execution) => void;
}

/** An execution of a state machine. It starts when it is made, and never throws: how it ended is its status. */
export class Execution {
  readonly record: ExecutionRecord;
  status: ExecutionStatus = "RUNNING";
  output: string | undefined;
  error: string | undefined;
  cause: string | undefined;
  stopDate: Date | undefined;
  /** Resolves when the execution has ended, or was suspended. */
  readonly done: Promise<void>;
  readonly #history: History;
  readonly #surroundings: Surroundings;
  readonly #onEnd: (execution: Execution) => void;
  readonly #controller = new AbortController();

  constructor(options: ExecutionOptions) {
    this.record = options.record;
    this.#surroundings = options.surroundings;
    this.#onEnd = options.onEnd ?? (() => {});
    this.#history = new History({
      now: () => options.surroundings.clock.now(),
      append: options.append ?? (() => {}),
      recorded: options.recorded ?? [],
    });
    const end = this.#history.events.at(-1);
    if (end !== undefined && END[end.type] !== undefined) {
      this.#settle(end);
      this.done = Promise.resolve();
      return;
    }
    this.done = this.#run(options.definition);
  }

  /** The history so far, in order. */
  get events(): readonly HistoryEvent[] {
    return this.#history.events;
  }

  /** StopExecution: ends it here and now. No Catch runs, and what a running function returns is lost. */
  stop(error: string | undefined, cause: string | undefined): void {
    this.#end("ExecutionAborted", { error, cause }, 0);
  }

  /** The process is going down: nothing more is started or recorded, and the execution stays RUNNING in its store. */
  suspend(): void {
    if (this.status !== "RUNNING") return;
    this.#history.stop();
    this.#controller.abort(ENDED);
  }

  async #run(definition: StateMachineDefinition): Promise<void> {
    const { record } = this;
    const branch = new Branch({
      path: "",
      history: this.#history,
      signal: this.#controller.signal,
      variables: {},
      last: 0,
    });
    try {
      const details = { input: record.input, inputDetails: WHOLE, roleArn: record.roleArn };
      branch.record("ExecutionStarted", details, { leaf: true });
      if (definition.TimeoutSeconds !== undefined) void this.#limit(definition.TimeoutSeconds);
      const run = { record, input: JSON.parse(record.input) as Json, surroundings: this.#surroundings };
      const output = JSON.stringify(await runGraph(run, branch, definition, run.input));
      this.#end("ExecutionSucceeded", { output, outputDetails: WHOLE }, branch.last);
    } catch (thrown) {
      if (thrown instanceof BranchCut) return;
      const failure = thrown instanceof StateFailure ? thrown : new StateFailure("States.Runtime", String(thrown));
      this.#end("ExecutionFailed", { error: failure.error, cause: failure.cause }, branch.last);
    }
  }

  /** TimeoutSeconds of the state machine, from the start of the execution. Like StopExecution it skips every Catch. */
  async #limit(seconds: number): Promise<void> {
    const { clock } = this.#surroundings;
    const left = this.record.startDate + seconds * 1000 - clock.now();
    if (await clock.sleep(left, "timeout", this.#controller.signal)) this.#end("ExecutionTimedOut", {}, 0);
  }

  /**
   * An execution that was stopped points to no event (recorded on AWS: localstack test_stop_execution, 2024-05-06); one
   * that timed out is taken to do the same, and shows neither error nor cause (test_global_timeout, 2024-03-10).
   */
  #end(type: string, details: EventDetails, previousEventId: number): void {
    if (this.status !== "RUNNING" || this.#controller.signal.aborted) return;
    this.#settle(this.#history.close(type, details, previousEventId));
    this.#controller.abort(ENDED);
    this.#onEnd(this);
  }

  #settle(end: HistoryEvent): void {
    const { output, error, cause } = detailsOf(end) as { output?: string; error?: string; cause?: string };
    this.status = END[end.type] ?? "FAILED";
    this.output = output;
    this.error = error;
    this.cause = cause;
    this.stopDate = end.timestamp;
  }
}

const ENDED = Symbol("ended");

const END: Readonly<Record<string, ExecutionStatus>> = {
  ExecutionSucceeded: "SUCCEEDED",
  ExecutionFailed: "FAILED",
  ExecutionTimedOut: "TIMED_OUT",
  ExecutionAborted: "ABORTED",
};
