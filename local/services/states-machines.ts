import type { Clock } from "../clock.ts";
import { DefinitionError, parseDefinition, type StateMachineDefinition } from "../engine/definition.ts";
import { type Journal, NO_JOURNAL } from "../journal.ts";
import { AwsError, type Operation, type Place } from "./service.ts";
import { checkArn, checkName, type Input, required } from "./states-input.ts";
import { type PageRequest, pageOf } from "./states-paging.ts";

export interface StateMachine {
  readonly stateMachineArn: string;
  readonly name: string;
  readonly definition: string;
  readonly roleArn: string;
  readonly creationDate: Date;
  /** When it got this definition. */
  readonly updateDate: Date;
}

export interface StateMachinesOptions extends Place {
  readonly clock: Clock;
  readonly journal?: Journal;
}

export interface StateMachines {
  /** The operations on state machines. */
  readonly operations: Readonly<
    Record<"CreateStateMachine" | "UpdateStateMachine" | "DescribeStateMachine" | "ListStateMachines", Operation>
  >;
  get(arn: string): StateMachine | undefined;
  /** Like `get`. @throws AwsError InvalidArn, StateMachineDoesNotExist */
  find(arn: string): StateMachine;
  /** A definition by its text, parsed once. @throws DefinitionError */
  parsed(definition: string): StateMachineDefinition;
}

/** The state machines of an account, without versions and aliases. */
export function createStateMachines(options: StateMachinesOptions): StateMachines {
  const { region, accountId, clock, journal = NO_JOURNAL } = options;
  const machines = new Map<string, StateMachine>();
  for (const kept of journal.kept<InJson>(KIND)) machines.set(kept.stateMachineArn, fromJson(kept));
  /** By their text. */
  const definitions = new Map<string, StateMachineDefinition>();

  return {
    operations: {
      CreateStateMachine: create,
      UpdateStateMachine: update,
      DescribeStateMachine: describe,
      ListStateMachines: list,
    },
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
    if (input.publish === true) throw noVersions();
    checkDefinition(definition);
    const stateMachineArn = `arn:aws:states:${region}:${accountId}:stateMachine:${name}`;
    const existing = machines.get(stateMachineArn);
    if (existing !== undefined && existing.definition !== definition) {
      throw new AwsError("StateMachineAlreadyExists", `State Machine Already Exists: '${stateMachineArn}'`);
    }
    const now = new Date(clock.now());
    const machine = existing ?? { stateMachineArn, name, definition, roleArn, creationDate: now, updateDate: now };
    if (existing === undefined) keep(machine);
    return { stateMachineArn, creationDate: machine.creationDate };
  }

  /** Executions that run go on with the definition they began with. */
  function update(input: Input<"stateMachineArn" | "definition" | "roleArn">) {
    const machine = find(required(input, "stateMachineArn"));
    const { definition = machine.definition, roleArn = machine.roleArn } = input;
    if (input.definition === undefined && input.roleArn === undefined) {
      throw new AwsError("MissingRequiredParameter", "Either the definition or the role ARN must be specified.");
    }
    if (input.publish === true) throw noVersions();
    checkDefinition(definition);
    const updateDate = new Date(clock.now());
    keep({ ...machine, definition, roleArn, updateDate });
    return { updateDate };
  }

  function keep(machine: StateMachine): void {
    machines.set(machine.stateMachineArn, machine);
    journal.put(KIND, machine.stateMachineArn, machine);
  }

  function checkDefinition(definition: string): void {
    try {
      parsed(definition);
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      throw new AwsError("InvalidDefinition", `Invalid State Machine Definition: '${error.message}'`);
    }
  }

  function describe(input: Input<"stateMachineArn">) {
    const { updateDate, ...machine } = find(required(input, "stateMachineArn"));
    return {
      ...machine,
      ...(input.includedData === "METADATA_ONLY" ? { definition: undefined } : {}),
      status: "ACTIVE",
      type: "STANDARD",
      ...WITHOUT_LOGS,
    };
  }

  function list(input: PageRequest) {
    const { items, nextToken } = pageOf([...machines.values()], input, ({ stateMachineArn }) => stateMachineArn);
    const stateMachines = items.map(({ stateMachineArn, name, creationDate }) => {
      return { stateMachineArn, name, type: "STANDARD", creationDate };
    });
    return { stateMachines, nextToken };
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

function noVersions(): AwsError {
  return new AwsError("ValidationException", "State machine versions are not supported.");
}

const KIND = "state-machine";

type InJson = Omit<StateMachine, "creationDate" | "updateDate"> & Record<"creationDate" | "updateDate", string>;

function fromJson(kept: InJson): StateMachine {
  return { ...kept, creationDate: new Date(kept.creationDate), updateDate: new Date(kept.updateDate) };
}

/** What the descriptions say of logs and traces, which this account does not keep. */
export const WITHOUT_LOGS = {
  loggingConfiguration: { level: "OFF", includeExecutionData: false },
  tracingConfiguration: { enabled: false },
};
