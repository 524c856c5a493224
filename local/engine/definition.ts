import { checkGraph } from "./definition-graph.ts";
import { parseShape, refusals } from "./definition-schema.ts";
import type { Json } from "./jsonata.ts";

/** The integrations of the account. The second one ends when the task token in its arguments comes back. */
export const LAMBDA_INVOKE = "arn:aws:states:::lambda:invoke";
export const LAMBDA_INVOKE_FOR_TOKEN = `${LAMBDA_INVOKE}.waitForTaskToken`;

/** The part of the Amazon States Language that the account runs: JSONata, Lambda tasks, Parallel, inline Map. */
export interface StateMachineDefinition extends StateGraph {
  readonly TimeoutSeconds?: number | undefined;
}

export interface StateGraph {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

export type State =
  | TaskState
  | MapState
  | ParallelState
  | ChoiceState
  | WaitState
  | PassState
  | SucceedState
  | FailState;

/** What a state computes when it is left. */
export interface Leaving {
  readonly Assign?: Readonly<Record<string, Json>> | undefined;
  readonly Output?: Json | undefined;
}

export interface Onward {
  readonly Next?: string | undefined;
  readonly End?: boolean | undefined;
}

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number | undefined;
  readonly BackoffRate?: number | undefined;
  readonly MaxAttempts?: number | undefined;
  readonly MaxDelaySeconds?: number | undefined;
  readonly JitterStrategy?: "FULL" | "NONE" | undefined;
}

export interface Catcher extends Leaving {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
}

interface Catching {
  readonly Retry?: readonly Retrier[] | undefined;
  readonly Catch?: readonly Catcher[] | undefined;
}

/** An expression, or the value itself. */
type Computed<T> = T | string;

export interface TaskState extends Leaving, Onward, Catching {
  readonly Type: "Task";
  readonly Resource: string;
  readonly Arguments?: Json | undefined;
  readonly TimeoutSeconds?: Computed<number> | undefined;
  readonly HeartbeatSeconds?: Computed<number> | undefined;
}

export interface MapState extends Leaving, Onward, Catching {
  readonly Type: "Map";
  readonly Items?: Computed<Json[]> | undefined;
  readonly ItemSelector?: Json | undefined;
  readonly MaxConcurrency?: Computed<number> | undefined;
  readonly ItemProcessor: StateGraph;
}

export interface ParallelState extends Leaving, Onward, Catching {
  readonly Type: "Parallel";
  readonly Branches: readonly StateGraph[];
  readonly Arguments?: Json | undefined;
}

export interface ChoiceRule extends Leaving {
  readonly Condition: Computed<boolean>;
  readonly Next: string;
}

export interface ChoiceState extends Leaving {
  readonly Type: "Choice";
  readonly Choices: readonly ChoiceRule[];
  readonly Default?: string | undefined;
}

export interface WaitState extends Leaving, Onward {
  readonly Type: "Wait";
  readonly Seconds?: Computed<number> | undefined;
  readonly Timestamp?: string | undefined;
}

export interface PassState extends Leaving, Onward {
  readonly Type: "Pass";
}

export interface SucceedState {
  readonly Type: "Succeed";
  readonly Output?: Json | undefined;
}

export interface FailState {
  readonly Type: "Fail";
  readonly Error?: string | undefined;
  readonly Cause?: string | undefined;
}

/** The definition cannot run here. `problems` name each fault and where it is, as "... at /States/Name/Field". */
export class DefinitionError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join(", "));
    this.problems = problems;
  }
}

/** @throws DefinitionError */
export function parseDefinition(text: string): StateMachineDefinition {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DefinitionError([`INVALID_JSON_DESCRIPTION: ${(error as Error).message}`]);
  }
  const refused = refusals(value);
  if (refused.length > 0) throw new DefinitionError(refused);
  const shaped = parseShape(value);
  if (shaped.definition === undefined) throw new DefinitionError(shaped.problems);
  const problems = checkGraph(shaped.definition);
  if (problems.length > 0) throw new DefinitionError(problems);
  return shaped.definition;
}
