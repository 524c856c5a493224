import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { Execution, type ExecutionStore } from "../engine/execution.ts";
import type { JournalEntry } from "../engine/history.ts";
import { createEvaluator } from "../engine/jsonata.ts";
import type { ExecutionRecord, Surroundings } from "../engine/run.ts";
import type { Journal } from "../journal.ts";
import { AwsError, type Place, type Service } from "./service.ts";
import { describe, type StatusChangeEvent, statusChange, withoutData } from "./states-description.ts";
import { checkArn, checkInput, checkName, type Input, required } from "./states-input.ts";
import { createStateMachines, WITHOUT_LOGS } from "./states-machines.ts";
import { pageOf } from "./states-paging.ts";
import { checkRedrivable, dateOfToken, redrives } from "./states-redrive.ts";
import { taskOperations } from "./states-tasks.ts";

export interface StatesOptions extends Place {
  readonly clock: Clock;
  /**
   * Runs a function for a Task. Rejects with AwsError for what Lambda itself refuses. An aborted signal means that nobody
   * looks at the result any more.
   */
  readonly invoke: Surroundings["invoke"];
  readonly emit: (event: StatusChangeEvent) => void;
  /** In [0, 1), for jitter and $random. Default: Math.random. */
  readonly random?: () => number;
  /** Keeps the histories. Default: they end with the process. */
  readonly store?: ExecutionStore;
  /** Keeps the state machines. Default: they end with the process. */
  readonly journal?: Journal;
  /** What became of a function that ran when an earlier process ended. Default: it is called again. */
  readonly lost?: Surroundings["lost"];
}

export interface States extends Service {
  /**
   * Resolves when nothing goes on by itself: every execution has ended or only waits for task tokens, which no idling
   * brings back. Their timeouts still fire when the clock passes them.
   */
  idle(): Promise<void>;
  /** Every execution, oldest first. */
  executions(): readonly Execution[];
  /**
   * Goes on with what the store holds, at once or when `resumed` resolves. Call it once, before anything is started. Returns how
   * many executions are RUNNING.
   * @throws DefinitionError when a stored definition is not one that runs here
   */
  recover(resumed?: Promise<unknown>): number;
  /** Suspends every execution: no timer is left and no function is called any more. May be repeated. */
  stop(): Promise<void>;
}

/**
 * Step Functions, standard workflows: the operations over the engine in `local/engine`.
 *
 * Differences from AWS: there are no versions, aliases, tags, activities, Express workflows or logs; what the definition
 * may hold is `local/engine/definition.ts`.
 */
export function createStates(options: StatesOptions): States {
  const { clock, region, accountId } = options;
  const random = options.random ?? Math.random;
  const surroundings: Surroundings = {
    region,
    accountId,
    clock,
    random,
    invoke: options.invoke,
    lost: options.lost,
    evaluator: createEvaluator({ now: () => clock.now(), random }),
  };
  const machines = createStateMachines(options);
  const together: ExecutionStore["together"] = options.store?.together ?? ((work) => work());
  const executions = new Map<string, Execution>();
  let stopped = false;

  function describeStateMachineForExecution(input: Input<"executionArn">) {
    const { record } = executionOf(required(input, "executionArn"));
    return {
      stateMachineArn: record.stateMachineArn,
      name: record.stateMachineName,
      ...(input.includedData === "METADATA_ONLY" ? {} : { definition: record.definition }),
      roleArn: record.roleArn,
      updateDate: machines.get(record.stateMachineArn)?.updateDate ?? new Date(record.startDate),
      ...WITHOUT_LOGS,
    };
  }

  /** Idempotent as AWS documents it: the same name and input while that execution runs gives the same answer. */
  function startExecution(input: Input<"stateMachineArn">) {
    if (stopped) throw closed();
    const machine = machines.find(required(input, "stateMachineArn"));
    const name = input.name ?? randomUUID();
    checkName(name);
    const text = input.input ?? "{}";
    checkInput(text);
    const executionArn = `arn:aws:states:${region}:${accountId}:execution:${machine.name}:${name}`;
    const existing = executions.get(executionArn);
    if (existing !== undefined) {
      if (existing.status === "RUNNING" && existing.record.input === text) {
        return { executionArn, startDate: new Date(existing.record.startDate) };
      }
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn}'`);
    }
    const record: ExecutionRecord = {
      executionArn,
      name,
      stateMachineArn: machine.stateMachineArn,
      stateMachineName: machine.name,
      roleArn: machine.roleArn,
      definition: machine.definition,
      input: text,
      startDate: clock.now(),
    };
    together(() => {
      options.store?.begin(record);
      announce(run(record, []));
    });
    return { executionArn, startDate: new Date(record.startDate) };
  }

  function describeExecution(input: Input<"executionArn">) {
    const description = describe(executionOf(required(input, "executionArn")), clock.now());
    if (input.includedData !== "METADATA_ONLY") return description;
    return { ...description, input: undefined, inputDetails: undefined, output: undefined, outputDetails: undefined };
  }

  function listExecutions(input: Input<"stateMachineArn">) {
    const machine = machines.find(required(input, "stateMachineArn"));
    if (input.redriveFilter !== undefined) {
      throw new AwsError("ValidationException", "redriveFilter is for Map Runs, which are not supported.");
    }
    const { items, nextToken } = pageOf(
      [...executions.values()].filter(({ record }) => record.stateMachineArn === machine.stateMachineArn).reverse(),
      input,
      ({ record }) => record.executionArn,
      ({ status }) => input.statusFilter === undefined || input.statusFilter === status,
    );
    const summaries = items.map((execution) => {
      const { executionArn, stateMachineArn, name, startDate } = execution.record;
      const { status, stopDate } = execution;
      return {
        executionArn,
        stateMachineArn,
        name,
        status,
        startDate: new Date(startDate),
        stopDate,
        ...redrives(execution),
      };
    });
    return { executions: summaries, nextToken };
  }

  function getExecutionHistory(input: Input<"executionArn">) {
    const { events } = executionOf(required(input, "executionArn"));
    const ordered = input.reverseOrder === true ? [...events].reverse() : events;
    const { items, nextToken } = pageOf(ordered, input, ({ id }) => String(id));
    return { events: input.includeExecutionData === false ? items.map(withoutData) : items, nextToken };
  }

  function stopExecution(input: Input<"executionArn">) {
    const execution = executionOf(required(input, "executionArn"));
    execution.stop(input.error, input.cause);
    return { stopDate: execution.stopDate ?? new Date(clock.now()) };
  }

  function redriveExecution(input: Input<"executionArn">) {
    if (stopped) throw closed();
    const execution = executionOf(required(input, "executionArn"));
    const redriveDate = dateOfToken(execution, input.clientToken, clock.now());
    if (redriveDate !== undefined) return { redriveDate };
    checkRedrivable(execution, clock.now());
    together(() => {
      execution.redrive(input.clientToken);
      announce(execution);
    });
    return { redriveDate: redrives(execution).redriveDate };
  }

  function announce(execution: Execution): void {
    options.emit(statusChange(execution, clock.now()));
  }

  function run(record: ExecutionRecord, recorded: readonly JournalEntry[], after?: Promise<unknown>): Execution {
    const execution = new Execution({
      ...{ record, together, ...(after === undefined ? {} : { after }) },
      definition: machines.parsed(record.definition),
      surroundings,
      recorded,
      append: (entry) => options.store?.append(record.executionArn, entry),
      onEnd: announce,
    });
    executions.set(record.executionArn, execution);
    return execution;
  }

  function executionOf(arn: string): Execution {
    checkArn(arn, "execution");
    const execution = executions.get(arn);
    if (execution === undefined) throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
    return execution;
  }

  return {
    name: "states",
    operations: {
      ...machines.operations,
      DescribeStateMachineForExecution: describeStateMachineForExecution,
      StartExecution: startExecution,
      DescribeExecution: describeExecution,
      ListExecutions: listExecutions,
      GetExecutionHistory: getExecutionHistory,
      StopExecution: stopExecution,
      RedriveExecution: redriveExecution,
      ...taskOperations((arn) => executions.get(arn)),
    },
    executions: () => [...executions.values()],
    async idle() {
      let busy = stillRunning();
      while (busy.length > 0 && !stopped) {
        await Promise.all(busy.map((execution) => execution.rest()));
        busy = stillRunning().filter(({ resting }) => !resting);
      }
    },
    recover(resumed) {
      for (const { record, entries } of options.store?.load() ?? []) run(record, entries, resumed);
      return stillRunning().length;
    },
    async stop() {
      stopped = true;
      const running = stillRunning();
      for (const execution of running) execution.suspend();
      await Promise.all(running.map(({ done }) => done));
    },
  };

  function stillRunning(): Execution[] {
    return [...executions.values()].filter(({ status }) => status === "RUNNING");
  }
}

// --- internal ---

function closed(): AwsError {
  return new AwsError("ServiceUnavailable", "The account is closed.", 503);
}
