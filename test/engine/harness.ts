import type { ExecutionStore } from "../../local/engine/execution.ts";
import type { HistoryEvent } from "../../local/engine/history.ts";
import { AwsError, type InvokeResult } from "../../local/services/service.ts";
import { createStates, type States, type StatesOptions } from "../../local/services/states.ts";
import type { StatusChangeEvent } from "../../local/services/states-description.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";

/** What a function does; what it throws reaches the workflow as Lambda reports it. */
export type Handler = (payload: never, signal: AbortSignal) => unknown;

export interface Workflow {
  readonly states: States;
  readonly clock: VirtualClock;
  /** Names of the functions called, in order. */
  readonly calls: string[];
  readonly emitted: StatusChangeEvent[];
  /** Starts an execution of the definition and returns its ARN. */
  start(input?: unknown, name?: string): string;
  events(executionArn: string): readonly HistoryEvent[];
}

export interface WorkflowOptions {
  readonly definition: unknown;
  readonly functions?: Readonly<Record<string, Handler>>;
  readonly store?: ExecutionStore;
  readonly random?: () => number;
  readonly clock?: VirtualClock;
}

/** One state machine on a virtual clock, with functions as plain handlers. */
export function workflow({ definition, functions = {}, store, random, clock }: WorkflowOptions): Workflow {
  const time = clock ?? new VirtualClock();
  const calls: string[] = [];
  const emitted: StatusChangeEvent[] = [];
  const options: StatesOptions = {
    region: "eu-west-1",
    accountId: "111111111111",
    clock: time,
    invoke: (functionArn, payload, signal) => {
      const name = functionArn.slice(functionArn.lastIndexOf(":") + 1);
      calls.push(name);
      return invokeHandler(functions[name], functionArn, payload, signal);
    },
    emit: (event) => emitted.push(event),
    ...(store === undefined ? {} : { store }),
    ...(random === undefined ? {} : { random }),
  };
  const states = createStates(options);
  const { stateMachineArn } = call<{ stateMachineArn: string }>(states, "CreateStateMachine", {
    name: "machine",
    definition: JSON.stringify(definition),
    roleArn: "arn:aws:iam::111111111111:role/machine",
  });
  return {
    states,
    clock: time,
    calls,
    emitted,
    start(input = {}, name) {
      const request = { stateMachineArn, input: JSON.stringify(input), ...(name === undefined ? {} : { name }) };
      return call<{ executionArn: string }>(states, "StartExecution", request).executionArn;
    },
    events(executionArn) {
      const request = { executionArn, maxResults: 1000 };
      return call<{ events: HistoryEvent[] }>(states, "GetExecutionHistory", request).events;
    },
  };
}

/** Calls an operation as the wire does. */
export function call<T>(states: States, operation: string, input: unknown): T {
  const run = states.operations[operation];
  if (run === undefined) throw new Error(`no operation ${operation}`);
  return run(input) as T;
}

async function invokeHandler(
  handler: Handler | undefined,
  functionArn: string,
  payload: unknown,
  signal: AbortSignal,
): Promise<InvokeResult> {
  if (handler === undefined) throw new AwsError("ResourceNotFoundException", `Function not found: ${functionArn}`, 404);
  try {
    const result = await handler(payload as never, signal);
    return { StatusCode: 200, ExecutedVersion: "$LATEST", Payload: result ?? null };
  } catch (error) {
    if (error instanceof AwsError) throw error;
    const { name, message } = error as Error;
    const Payload = { errorType: name, errorMessage: message, trace: [] };
    return { StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled", Payload };
  }
}

/** An error as a function throws it. */
export function thrown(name: string, message = ""): Error {
  return Object.assign(new Error(message), { name });
}

/** A Task that calls the function, followed by `rest`. */
export function task(functionName: string, rest: Record<string, unknown> = { End: true }): Record<string, unknown> {
  return {
    Type: "Task",
    Resource: "arn:aws:states:::lambda:invoke",
    Arguments: { FunctionName: functionName, Payload: "{% $states.input %}" },
    ...rest,
  };
}

/** A JSONata state machine. */
export function machine(StartAt: string, States: Record<string, unknown>, rest: Record<string, unknown> = {}) {
  return { QueryLanguage: "JSONata", StartAt, States, ...rest };
}

/** "5 <- 4 TaskFailed" for every event. */
export function outline(events: readonly HistoryEvent[]): string[] {
  return events.map(({ id, previousEventId, type }) => `${id} <- ${previousEventId} ${type}`);
}
