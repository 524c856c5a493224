import type { EventTarget } from "./event-delivery.ts";
import { type EventPattern, parsePattern } from "./event-pattern.ts";
import { AwsError, type BusEvent, type Operation, type Place } from "./service.ts";

export interface EventRules {
  /** The operations on buses, rules and targets. */
  readonly operations: Readonly<Record<string, Operation>>;
  /** The name in a name or an ARN; "default" if there is none. */
  busName(nameOrArn: string | undefined): string;
  /** The targets of the rules that want the event. None for a bus that does not exist. */
  targetsFor(bus: string, event: BusEvent): readonly { readonly ruleArn: string; readonly target: EventTarget }[];
}

/** The event buses of an account with their rules and targets. The default bus is always there. */
export function createEventRules({ region, accountId }: Place): EventRules {
  const buses = new Map<string, Bus>();
  addBus("default");

  return {
    operations: {
      CreateEventBus: createEventBus,
      PutRule: putRule,
      ListRules: listRules,
      PutTargets: putTargets,
    },
    busName,
    targetsFor(bus, event) {
      const wanted = [...(buses.get(bus)?.rules.values() ?? [])].filter((rule) => isWanted(rule, event));
      return wanted.flatMap((rule) => [...rule.targets.values()].map((target) => ({ ruleArn: rule.arn, target })));
    },
  };

  // --- buses ---

  function createEventBus(input: { Name?: string }) {
    const name = named("name", input.Name, 256);
    if (buses.has(name)) throw new AwsError("ResourceAlreadyExistsException", `Event bus ${name} already exists.`);
    return { EventBusArn: addBus(name).arn };
  }

  function addBus(name: string): Bus {
    const arn = `arn:aws:events:${region}:${accountId}:event-bus/${name}`;
    const bus: Bus = { name, arn, rules: new Map() };
    buses.set(name, bus);
    return bus;
  }

  function busOf(nameOrArn: string | undefined): Bus {
    const name = busName(nameOrArn);
    const bus = buses.get(name);
    if (bus === undefined) throw new AwsError("ResourceNotFoundException", `Event bus ${name} does not exist.`);
    return bus;
  }

  function busName(nameOrArn: string | undefined): string {
    const name = nameOrArn ?? "default";
    const ours = `arn:aws:events:${region}:${accountId}:event-bus/`;
    return name.startsWith(ours) ? name.slice(ours.length) : name;
  }

  // --- rules ---

  function putRule(input: PutRuleInput) {
    const name = named("name", input.Name, 64);
    const bus = busOf(input.EventBusName);
    const text = input.EventPattern;
    if (input.ScheduleExpression !== undefined) {
      validation("ScheduleExpression is not supported by the embedded account: give the rule an EventPattern.");
    }
    if (!text) validation("Parameter(s) EventPattern or ScheduleExpression must be specified.");
    const state = input.State ?? "ENABLED";
    if (!STATES.has(state)) constraint("state", `satisfy enum value set: [${[...STATES].join(", ")}]`);
    if (text.length > MAXIMUM_PATTERN_LENGTH) exceeded();
    const pattern = parsePattern(text);
    const old = bus.rules.get(name);
    if (old === undefined && bus.rules.size >= 300) exceeded();
    const path = bus.name === "default" ? name : `${bus.name}/${name}`;
    const arn = `arn:aws:events:${region}:${accountId}:rule/${path}`;
    const described = { Name: name, Arn: arn, EventPattern: text, State: state, EventBusName: bus.name };
    const { Description, RoleArn } = input;
    const answer = { ...described, ...defined({ Description, RoleArn }) };
    bus.rules.set(name, { name, arn, state, pattern, answer, targets: old?.targets ?? new Map() });
    return { RuleArn: arn };
  }

  function listRules(input: Page & { NamePrefix?: string; EventBusName?: string }) {
    const rules = [...busOf(input.EventBusName).rules.values()];
    const { items, next } = page(
      rules.filter((rule) => rule.name.startsWith(input.NamePrefix ?? "")),
      input,
    );
    return { Rules: items.map((rule) => rule.answer), ...next };
  }

  function ruleOf(name: string | undefined, input: { EventBusName?: string }): Rule {
    const bus = busOf(input.EventBusName);
    const rule = bus.rules.get(required("Name", name));
    if (rule !== undefined) return rule;
    throw new AwsError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus ${bus.name}.`);
  }

  // --- targets ---

  /** Takes all of them or none. */
  function putTargets(input: TargetsInput & { Targets?: readonly EventTarget[] }) {
    const rule = ruleOf(input.Rule, input);
    const targets = (input.Targets ?? []).map(checkedTarget);
    if (targets.length === 0) constraint("targets", "have length greater than or equal to 1");
    const ids = new Set([...rule.targets.keys(), ...targets.map((target) => target.Id)]);
    if (ids.size > 5) exceeded();
    for (const target of targets) rule.targets.set(target.Id, target);
    return { FailedEntryCount: 0, FailedEntries: [] };
  }
}

// --- internal ---

interface Bus {
  readonly name: string;
  readonly arn: string;
  readonly rules: Map<string, Rule>;
}

interface Rule {
  readonly name: string;
  readonly arn: string;
  readonly state: string;
  readonly pattern: EventPattern;
  /** As ListRules answers it. */
  readonly answer: object;
  readonly targets: Map<string, EventTarget>;
}

interface RuleInput {
  readonly Name?: string;
  readonly EventBusName?: string;
}

interface PutRuleInput extends RuleInput {
  readonly EventPattern?: string;
  readonly ScheduleExpression?: string;
  readonly State?: string;
  readonly Description?: string;
  readonly RoleArn?: string;
}

interface TargetsInput {
  readonly Rule?: string;
  readonly EventBusName?: string;
}

interface Page {
  readonly Limit?: number;
  readonly NextToken?: string;
}

/** Characters: "Event pattern size" of the EventBridge quotas. */
const MAXIMUM_PATTERN_LENGTH = 2048;

const WITH_READ_ONLY = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
const STATES: ReadonlySet<string> = new Set(["ENABLED", "DISABLED", WITH_READ_ONLY]);

const NAME = /^[.\-_A-Za-z0-9]+$/;
const TARGET_MEMBERS: ReadonlySet<string> = new Set([
  "Id",
  "Arn",
  "RoleArn",
  "Input",
  "RetryPolicy",
  "DeadLetterConfig",
]);

/** A rule that is just ENABLED does not get CloudTrail's read-only events ("AWS service events via CloudTrail"). */
function isWanted(rule: Rule, event: BusEvent): boolean {
  if (rule.state === "DISABLED") return false;
  const isReadOnly = event["detail-type"] === "AWS API Call via CloudTrail" && event.detail?.readOnly === true;
  return (!isReadOnly || rule.state === WITH_READ_ONLY) && rule.pattern.matches(event);
}

function checkedTarget(target: EventTarget): EventTarget {
  const id = named("targets.member.id", target.Id, 64);
  for (const member of Object.keys(target)) {
    if (!TARGET_MEMBERS.has(member)) validation(`Target ${id}: ${member} is not supported by the embedded account.`);
  }
  if (!/^arn:[^:]*:[^:]+:[^:]*:[^:]*:.+/.test(target.Arn ?? "")) {
    validation(`Parameter ${target.Arn} is not valid. Reason: Provided Arn is not in correct format.`);
  }
  if (target.Input !== undefined && parseJson(target.Input) === undefined) {
    validation(`JSON syntax error in input for target ${id}.`);
  }
  const { MaximumRetryAttempts: retries = 0, MaximumEventAgeInSeconds: age = 60 } = target.RetryPolicy ?? {};
  between("targets.member.retryPolicy.maximumRetryAttempts", retries, 0, 185);
  between("targets.member.retryPolicy.maximumEventAgeInSeconds", age, 60, 86_400);
  return structuredClone(target);
}

function page<T>(all: readonly T[], { Limit: limit = 100, NextToken: token }: Page) {
  between("limit", limit, 1, 100);
  const from = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(from) || from < 0) validation("The NextToken is not valid.");
  const next = from + limit < all.length ? { NextToken: String(from + limit) } : {};
  return { items: all.slice(from, from + limit), next };
}

function named(member: string, name: string | undefined, longest: number): string {
  if (name === undefined) return constraint(member, "not be null");
  if (name.length > longest) constraint(member, `have length less than or equal to ${longest}`);
  if (!NAME.test(name)) constraint(member, "satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+");
  return name;
}

export function required(member: string, value: string | undefined): string {
  return value === undefined ? constraint(member, "not be null") : value;
}

function between(member: string, value: number, least: number, most: number): void {
  if (!(value >= least)) constraint(member, `have value greater than or equal to ${least}`);
  if (value > most) constraint(member, `have value less than or equal to ${most}`);
}

export function constraint(member: string, rule: string): never {
  validation(`1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must ${rule}`);
}

export function validation(message: string): never {
  throw new AwsError("ValidationException", message);
}

function exceeded(): never {
  throw new AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
}

function defined<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Undefined for what is no JSON, and for JSON nested too deeply to be written again. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    JSON.stringify(value);
    return value;
  } catch {
    return undefined;
  }
}
