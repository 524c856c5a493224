import { Branch } from "./branch.ts";
import type { StateMachineDefinition } from "./definition.ts";
import { StateFailure } from "./failure.ts";
import {
  detailsOf,
  type EventDetails,
  History,
  type HistoryEvent,
  type JournalEntry,
  type Redrive,
  WHOLE,
} from "./history.ts";
import { runGraph } from "./interpreter.ts";
import type { Json } from "./jsonata.ts";
import type { ExecutionRecord, Surroundings } from "./run.ts";
import type { WaitingTask } from "./task-token.ts";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** Where the histories outlive the process. All of it is synchronous: an event is stored before anything follows from it. */
export interface ExecutionStore {
  begin(record: ExecutionRecord): void;
  append(executionArn: string, entry: JournalEntry): void;
  /** Everything stored, oldest execution first. A timestamp may be the text that JSON makes of a Date. */
  load(): Iterable<{ readonly record: ExecutionRecord; readonly entries: readonly JournalEntry[] }>;
  /** What the synchronous `work` begins and appends is stored as a whole or not at all. */
  together<T>(work: () => T): T;
}

export interface ExecutionOptions {
  readonly record: ExecutionRecord;
  /** `record.definition`, parsed. */
  readonly definition: StateMachineDefinition;
  readonly surroundings: Surroundings;
  /** What an earlier process recorded: the execution goes on from there. */
  readonly recorded?: readonly JournalEntry[];
  readonly append?: (entry: JournalEntry) => void;
  /** Its end is recorded together with what `onEnd` does. Default: one after the other. */
  readonly together?: ExecutionStore["together"];
  /** It does not begin, or go on, before this resolves. Default: at once. */
  readonly after?: Promise<unknown>;
  /** Called whenever it ends: once, and once more after each redrive; not for an end in an earlier process. */
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
  /** Resolves when the execution has ended, or was suspended. A redrive makes a new one. */
  done: Promise<void> = Promise.resolve();
  readonly #definition: StateMachineDefinition;
  readonly #surroundings: Surroundings;
  readonly #onEnd: (execution: Execution) => void;
  readonly #together: ExecutionStore["together"];
  readonly #waiting = new Map<string, WaitingTask>();
  #history: History;
  #controller = new AbortController();
  #root: Branch | undefined;
  #whenMoved: (() => void)[] = [];

  constructor(options: ExecutionOptions) {
    this.record = options.record;
    this.#definition = options.definition;
    this.#surroundings = options.surroundings;
    this.#onEnd = options.onEnd ?? (() => {});
    this.#together = options.together ?? ((work) => work());
    this.#history = new History({
      now: () => options.surroundings.clock.now(),
      append: options.append ?? (() => {}),
      recorded: options.recorded ?? [],
    });
    const end = this.#history.events.at(-1);
    if (end !== undefined && END[end.type] !== undefined) {
      this.#settle(end);
      this.#history.stop();
    } else this.done = this.#run(options.after);
  }

  /** The history so far, in order. */
  get events(): readonly HistoryEvent[] {
    return this.#history.events;
  }

  /** Oldest first. */
  get redrives(): readonly Redrive[] {
    return this.#history.redrives;
  }

  /** It is RUNNING, and does nothing but wait for task tokens. */
  get resting(): boolean {
    return !this.#over && this.#root?.rests === true;
  }

  /** Resolves when nothing in it goes on by itself: it has ended, was suspended, or only waits for task tokens. */
  async rest(): Promise<void> {
    for (;;) {
      // Only when everything that can go on now has gone on it is known what is left.
      await turn();
      if (this.#over || this.resting) return;
      await Promise.race([this.done, new Promise<void>((resolve) => this.#whenMoved.push(resolve))]);
    }
  }

  /** The task that waits for the token, if it still does. */
  async waitingTask(token: string): Promise<WaitingTask | undefined> {
    if (!this.#waiting.has(token)) {
      // A restarted execution may not have come to it yet.
      await this.#history.caughtUp();
      await turn();
    }
    return this.#waiting.get(token);
  }

  /** RedriveExecution: goes on from the state that failed. To be called only when it has ended. */
  redrive(clientToken: string | undefined): void {
    this.#history = this.#history.redrive(clientToken);
    this.#controller = new AbortController();
    this.status = "RUNNING";
    this.output = undefined;
    this.error = undefined;
    this.cause = undefined;
    this.stopDate = undefined;
    this.done = this.#run();
  }

  /** StopExecution: ends it here and now. No Catch runs, and what a running function returns is lost. */
  stop(error: string | undefined, cause: string | undefined): void {
    this.#end(this.#controller.signal, "ExecutionAborted", { error, cause }, 0);
  }

  /** The process is going down: nothing more is started or recorded, and the execution stays RUNNING in its store. */
  suspend(): void {
    if (this.status !== "RUNNING") return;
    this.#history.stop();
    this.#controller.abort(ENDED);
  }

  get #over(): boolean {
    return this.status !== "RUNNING" || this.#controller.signal.aborted;
  }

  async #run(after?: Promise<unknown>): Promise<void> {
    const { record } = this;
    const definition = this.#definition;
    const { signal } = this.#controller;
    if (after !== undefined) await after;
    if (signal.aborted) return;
    const branch = new Branch({ path: "", history: this.#history, signal, variables: {}, last: 0 });
    this.#root = branch;
    // What ends a redriven execution before anything else happened points to the redrive.
    const last = () => Math.max(branch.last, branch.history.redrives.at(-1)?.eventId ?? 0);
    try {
      const details = { input: record.input, inputDetails: WHOLE, roleArn: record.roleArn };
      branch.record("ExecutionStarted", details, { leaf: true });
      if (definition.TimeoutSeconds !== undefined) void this.#limit(signal, definition.TimeoutSeconds);
      const input = JSON.parse(record.input) as Json;
      const run = {
        record,
        input,
        surroundings: this.#surroundings,
        waiting: this.#waiting,
        moved: () => this.#moved(),
      };
      const output = JSON.stringify(await runGraph(run, branch, definition, input));
      this.#end(signal, "ExecutionSucceeded", { output, outputDetails: WHOLE }, last());
    } catch (thrown) {
      // What the signal cut is not ended here. What a misfit cut is: the branch that met it may have been cut itself.
      const { firstMisfit } = branch.history;
      const failure =
        firstMisfit ?? (thrown instanceof StateFailure ? thrown : new StateFailure("States.Runtime", String(thrown)));
      this.#end(signal, "ExecutionFailed", { error: failure.error, cause: failure.cause }, last());
    }
  }

  /**
   * TimeoutSeconds of the state machine, from the start of the execution or its last redrive. Like StopExecution it skips
   * every Catch.
   */
  async #limit(signal: AbortSignal, seconds: number): Promise<void> {
    const { clock } = this.#surroundings;
    const begun = this.redrives.at(-1)?.date.getTime() ?? this.record.startDate;
    const left = begun + seconds * 1000 - clock.now();
    if (!(await clock.sleep(left, "timeout", signal))) return;
    this.#end(signal, "ExecutionTimedOut", { error: "States.Timeout" }, 0);
  }

  /**
   * `signal` is that of the run which ends, because one that was stopped may come to its end after a redrive. An execution
   * that was stopped or that timed out points to no event (recorded on AWS: localstack test_stop_execution, 2024-05-06;
   * stackd redrive_execution, 2026-09-24).
   */
  #end(signal: AbortSignal, type: string, details: EventDetails, previousEventId: number): void {
    if (this.status !== "RUNNING" || signal.aborted) return;
    this.#together(() => {
      this.#settle(this.#history.close(type, details, previousEventId));
      this.#controller.abort(ENDED);
      this.#onEnd(this);
    });
  }

  /** DescribeExecution does not show the error of one that timed out (recorded on AWS: the same). */
  #settle(end: HistoryEvent): void {
    const { output, error, cause } = detailsOf(end) as { output?: string; error?: string; cause?: string };
    this.status = END[end.type] ?? "FAILED";
    this.output = output;
    this.error = this.status === "TIMED_OUT" ? undefined : error;
    this.cause = cause;
    this.stopDate = end.timestamp;
  }

  #moved(): void {
    for (const resolve of this.#whenMoved.splice(0)) resolve();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const ENDED = Symbol("ended");

const END: Readonly<Record<string, ExecutionStatus>> = {
  ExecutionSucceeded: "SUCCEEDED",
  ExecutionFailed: "FAILED",
  ExecutionTimedOut: "TIMED_OUT",
  ExecutionAborted: "ABORTED",
};
