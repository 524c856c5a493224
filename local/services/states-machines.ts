import type { Clock } from "../clock.ts";
import { DefinitionError, parseDefinition, type StateMachineDefinition } from "../engine/definition.ts";
import { AwsError, type Operation, type Place } from "./service.ts";
import { checkArn, checkName, type Input, required } from "./states-input.ts";

export interface StateMachine {
  readonly stateMachineArn: string;
  readonly name: string;
  readonly definition: string;
  readonly roleArn: string;
  readonly creationDate: Date;
}

export interface StateMachines {
  /** The operations on state machines. */
  readonly operations: Readonly<Record<"CreateStateMachine" | "DescribeStateMachine", Operation>>;
  get(arn: string): StateMachine | undefined;
  /** Like `get`. @throws AwsError InvalidArn, StateMachineDoesNotExist */
  find(arn: string): StateMachine;
  /** A definition by its text, parsed once. @throws DefinitionError */
  parsed(definition: string): StateMachineDefinition;
}

/** The state machines of an account, without versions and aliases. */
export function createStateMachines({ region, accountId, clock }: Place & { readonly clock: Clock }): StateMachines {
  const machines = new Map<string, StateMachine>();
  /** By their text. */
  const definitions = new Map<string, StateMachineDefinition>();

  return {
    operations: { CreateStateMachine: create, DescribeStateMachine: describe },
    get: (arn) => machines.get(arn),
    find,
    parsed,
  };

  /** May be repeated with the same definition. */
  function create(input: Input<"name" | "definition" | "roleArn">) {
    const name = required(input, "name");
    const definition = required(input, "definition");
    const roleArn = required(input, "roleArn");
    checkName(name);
    if (input.type !== undefined && input.type !== "STANDARD") {
      throw new AwsError("StateMachineTypeNotSupported", `State Machine Type Not Supported: '${input.type}'`);
    }
    if (input.publish === true) throw new AwsError("ValidationException", "State machine versions are not supported.");
    try {
      parsed(definition);
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      throw new AwsError("InvalidDefinition", `Invalid State Machine Definition: '${error.message}'`);
    }
    const stateMachineArn = `arn:aws:states:${region}:${accountId}:stateMachine:${name}`;
    const existing = machines.get(stateMachineArn);
    if (existing !== undefined && existing.definition !== definition) {
      throw new AwsError("StateMachineAlreadyExists", `State Machine Already Exists: '${stateMachineArn}'`);
    }
    const machine = existing ?? { stateMachineArn, name, definition, roleArn, creationDate: new Date(clock.now()) };
    machines.set(stateMachineArn, machine);
    return { stateMachineArn, creationDate: machine.creationDate };
  }

  function describe(input: Input<"stateMachineArn">) {
    const machine = find(required(input, "stateMachineArn"));
    return {
      ...machine,
      ...(input.includedData === "METADATA_ONLY" ? { definition: undefined } : {}),
      status: "ACTIVE",
      type: "STANDARD",
      ...WITHOUT_LOGS,
    };
  }

  function find(arn: string): StateMachine {
    checkArn(arn, "stateMachine");
    const machine = machines.get(arn);
    if (machine === undefined) {
      throw new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
    }
    return machine;
  }

  function parsed(text: string): StateMachineDefinition {
    const known = definitions.get(text);
    if (known !== undefined) return known;
    const definition = parseDefinition(text);
    definitions.set(text, definition);
    return definition;
  }
}

/** What the descriptions say of logs and traces, which this account does not keep. */
export const WITHOUT_LOGS = {
  loggingConfiguration: { level: "OFF", includeExecutionData: false },
  tracingConfiguration: { enabled: false },
};
