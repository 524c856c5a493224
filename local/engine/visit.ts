import type { Branch } from "./branch.ts";
import type { Leaving } from "./definition.ts";
import { StateFailure } from "./failure.ts";
import { detailsOf, type HistoryEvent, WHOLE } from "./history.ts";
import { EvaluationError, type Json, type ResultType } from "./jsonata.ts";
import type { Run } from "./run.ts";

/** Bytes of UTF-8 that a task or a state may take or give (AWS, "Step Functions service quotas"). */
export const MAXIMUM_PAYLOAD_BYTES = 262_144;

/** One stay in one state, from its StateEntered event to its StateExited event. */
export class Visit {
  readonly run: Run;
  readonly branch: Branch;
  readonly name: string;
  readonly type: string;
  readonly input: Json;
  readonly entered: HistoryEvent;
  /** $states.context.State.RetryCount */
  retryCount = 0;
  /** $states.result, or $states.errorOutput while a catcher computes. */
  outcome: { readonly result: Json } | { readonly errorOutput: Json } | undefined;
  /** $states.context.Task.Token, while a task runs that has one. */
  taskToken: string | undefined;
  readonly #before: number;

  /** @throws BranchCut, StateFailure States.Runtime as History.record */
  constructor(run: Run, branch: Branch, name: string, type: string, input: Json) {
    this.run = run;
    this.branch = branch;
    this.name = name;
    this.type = type;
    this.#before = branch.last;
    this.entered = branch.record(`${type}StateEntered`, { name, input: JSON.stringify(input), inputDetails: WHOLE });
    this.input = JSON.parse(String(detailsOf(this.entered).input));
    branch.state = { name, type };
  }

  /** When the state began to run: its entry, or the redrive that came back to it. Milliseconds since the epoch. */
  get begun(): number {
    const redrive = this.branch.history.redrives.at(-1);
    const since = redrive !== undefined && redrive.eventId > this.entered.id ? redrive.date : this.entered.timestamp;
    return since.getTime();
  }

  /**
   * `branch` is the iteration that it is for, where there is one: the failure is that iteration's.
   * @throws StateFailure States.QueryEvaluationError
   */
  evaluate(template: Json, field: string, branch = this.branch): Promise<Json> {
    const { evaluator } = this.run.surroundings;
    return this.#evaluating(() => evaluator.evaluate(template, field, this.#scope(branch.map)), branch);
  }

  /** @throws StateFailure States.QueryEvaluationError */
  evaluateAs<T extends ResultType>(type: T, template: Json, field: string) {
    return this.#evaluating(() => this.run.surroundings.evaluator.evaluateAs(type, template, field, this.#scope()));
  }

  /** @throws StateFailure States.QueryEvaluationError */
  async evaluateInteger(template: Json, field: string, minimum: number): Promise<number> {
    const value = await this.evaluateAs("number", template, field);
    return await this.checking(() => {
      if (Number.isInteger(value) && value >= minimum) return value;
      throw new EvaluationError(
        `The field '${field}' must be an integer of at least ${minimum}, but was: ${value}`,
        field,
      );
    });
  }

  /**
   * Leaves the state: assigns its variables and records its output. Assign and Output both see the variables as they
   * were when the state was entered.
   * @throws StateFailure States.QueryEvaluationError, States.DataLimitExceeded
   */
  async exit(leaving: Leaving & { readonly Catch?: unknown }, defaultOutput: Json): Promise<Json> {
    const type = `${this.type}StateExited`;
    // Where there is a Catch, a recorded exit may be the catcher's, after a failure that left no event: it fails again.
    const recorded = leaving.Catch === undefined && this.branch.next()?.type === type;
    const exited = this.branch.record(type, recorded ? undefined : await this.#leave(leaving, defaultOutput));
    const { output, assignedVariables } = detailsOf(exited);
    const assigned = Object.entries((assignedVariables ?? {}) as Record<string, string>);
    if (assigned.length > 0) {
      this.branch.variables = {
        ...this.branch.variables,
        ...Object.fromEntries(assigned.map(([variable, text]) => [variable, JSON.parse(text) as Json])),
      };
    }
    this.branch.state = undefined;
    return JSON.parse(String(output));
  }

  /** The text of a value that this state takes or gives. @throws StateFailure States.DataLimitExceeded */
  payload(value: unknown): string {
    const text = JSON.stringify(value);
    if (Buffer.byteLength(text) <= MAXIMUM_PAYLOAD_BYTES) return text;
    throw new StateFailure(
      "States.DataLimitExceeded",
      `The state/task '${this.name}' returned a result with a size exceeding the maximum number of bytes service limit.`,
    );
  }

  /** A cause as AWS words it, naming the state. */
  cause(text: string): string {
    return `An error occurred while executing the state '${this.name}' (entered at the event id #${this.entered.id}). ${text}`;
  }

  /** Runs what may throw EvaluationError, and makes it the state's failure. */
  async checking<T>(compute: () => T | Promise<T>): Promise<T> {
    return await this.#evaluating(async () => await compute());
  }

  async #leave(leaving: Leaving, defaultOutput: Json) {
    const assigned = leaving.Assign === undefined ? {} : await this.evaluate({ ...leaving.Assign }, "Assign");
    const output = leaving.Output === undefined ? defaultOutput : await this.evaluate(leaving.Output, "Output");
    const variables = Object.entries(assigned as Record<string, Json>).map(([k, value]) => [k, this.payload(value)]);
    return {
      name: this.name,
      output: this.payload(output),
      outputDetails: WHOLE,
      ...(variables.length === 0
        ? {}
        : { assignedVariables: Object.fromEntries(variables), assignedVariablesDetails: WHOLE }),
    };
  }

  async #evaluating<T>(compute: () => Promise<T>, branch = this.branch): Promise<T> {
    const leaf = branch !== this.branch;
    if (branch.next()?.type === "EvaluationFailed") {
      const { error, cause } = detailsOf(branch.record("EvaluationFailed", undefined, { leaf }));
      throw new StateFailure(String(error), String(cause));
    }
    try {
      return await compute();
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      const failure = new StateFailure("States.QueryEvaluationError", this.cause(error.message));
      // Inside an iteration AWS records none. Elsewhere it points to the event before the state, unless something
      // happened in the state since, or the state is a Wait (as recorded).
      if (this.branch.isExecution) {
        const untouched = this.branch.last === this.entered.id && this.type !== "Wait";
        branch.record(
          "EvaluationFailed",
          { error: failure.error, cause: failure.cause, location: error.location, state: this.name },
          { leaf, previousEventId: untouched ? this.#before : this.branch.last },
        );
      }
      throw failure;
    }
  }

  #scope(map: Json | undefined = this.branch.map) {
    const { record, input } = this.run;
    const { redrives } = this.branch.history;
    const redriven = redrives.at(-1);
    return {
      variables: this.branch.variables,
      states: {
        input: this.input,
        ...this.outcome,
        context: {
          Execution: {
            Id: record.executionArn,
            Input: input,
            Name: record.name,
            RoleArn: record.roleArn,
            StartTime: new Date(record.startDate).toISOString(),
            RedriveCount: redrives.length,
            ...(redriven === undefined ? {} : { RedriveTime: redriven.date.toISOString() }),
          },
          StateMachine: { Id: record.stateMachineArn, Name: record.stateMachineName },
          State: {
            Name: this.name,
            EnteredTime: this.entered.timestamp.toISOString(),
            RetryCount: this.retryCount,
          },
          ...(map === undefined ? {} : { Map: map }),
          ...(this.taskToken === undefined ? {} : { Task: { Token: this.taskToken } }),
        },
      },
    };
  }
}
