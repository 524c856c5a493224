import { parseSchedule, type Schedule } from "../../core/schedule.ts";
import type { Clock } from "../clock.ts";
import type { EventTarget } from "./event-delivery.ts";
import { type EventPattern, parsePattern } from "./event-pattern.ts";
import { checkedTarget } from "./event-target.ts";
import { constraint, exceeded, named, type Page, page, required, validation } from "./event-validation.ts";
import { onSchedule } from "./schedule-timer.ts";
import { AwsError, type BusEvent, defined, type Operation, type Place } from "./service.ts";

export interface EventRulesOptions extends Place {
  readonly clock: Clock;
  /** A rule's schedule has come, and the rule is enabled. */
  fire(ruleArn: string, targets: readonly EventTarget[]): void;
}

export interface EventRules {
  /** The operations on buses, rules and targets. */
  readonly operations: Readonly<Record<string, Operation>>;
  /** The name in a name or an ARN; "default" if there is none. */
  busName(nameOrArn: string | undefined): string;
  /** The targets of the rules that want the event. None for a bus that does not exist. */
  targetsFor(bus: string, event: BusEvent): readonly { readonly ruleArn: string; readonly target: EventTarget }[];
  /** No schedule fires any more. */
  stop(): void;
}

/** The event buses of an account with their rules and targets. The default bus is always there. */
export function createEventRules({ region, accountId, clock, fire }: EventRulesOptions): EventRules {
  const buses = new Map<string, Bus>();
  const stopping = new AbortController();
  addBus("default");

  return {
    operations: {
      CreateEventBus: createEventBus,
      PutRule: putRule,
      DescribeRule: (input: RuleInput) => ({ ...ruleOf(input.Name, input).answer(), CreatedBy: accountId }),
      ListRules: listRules,
      EnableRule: (input: RuleInput) => setState(ruleOf(input.Name, input), "ENABLED"),
      DisableRule: (input: RuleInput) => setState(ruleOf(input.Name, input), "DISABLED"),
      DeleteRule: deleteRule,
      PutTargets: putTargets,
      RemoveTargets: removeTargets,
      ListTargetsByRule: listTargetsByRule,
    },
    busName,
    targetsFor(bus, event) {
      const wanted = [...(buses.get(bus)?.rules.values() ?? [])].filter((rule) => isWanted(rule, event));
      return wanted.flatMap((rule) => [...rule.targets.values()].map((target) => ({ ruleArn: rule.arn, target })));
    },
    stop: () => stopping.abort(),
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
    const { EventPattern: text, ScheduleExpression: expression, Description, RoleArn } = input;
    if (!text && !expression) validation("Parameter(s) EventPattern or ScheduleExpression must be specified.");
    const state = input.State ?? "ENABLED";
    if (!STATES.has(state)) constraint("state", `satisfy enum value set: [${[...STATES].join(", ")}]`);
    if (text && text.length > MAXIMUM_PATTERN_LENGTH) exceeded();
    const pattern = text ? parsePattern(text) : undefined;
    const schedule = expression ? scheduleOf(expression, bus) : undefined;
    const old = bus.rules.get(name);
    if (old === undefined && bus.rules.size >= 300) exceeded();
    const path = bus.name === "default" ? name : `${bus.name}/${name}`;
    const arn = `arn:aws:events:${region}:${accountId}:rule/${path}`;
    const described = { EventPattern: text || undefined, ScheduleExpression: expression || undefined };
    const rule: Rule = {
      ...{ name, arn, state, pattern, targets: old?.targets ?? new Map() },
      answer: () => ({
        ...{ Name: name, Arn: arn, State: rule.state, EventBusName: bus.name },
        ...defined({ ...described, Description, RoleArn }),
      }),
      gone: new AbortController(),
    };
    old?.gone.abort();
    bus.rules.set(name, rule);
    if (schedule !== undefined) void keepSchedule(rule, schedule);
    return { RuleArn: arn };
  }

  /** A rate() counts from now, the time of PutRule; being disabled in between does not move it. */
  function keepSchedule(rule: Rule, schedule: Schedule): Promise<void> {
    const set = clock.now();
    const next = (now: number) => schedule.next(now, set);
    const fireIfEnabled = () => {
      if (rule.state !== "DISABLED") fire(rule.arn, [...rule.targets.values()]);
    };
    return onSchedule(clock, next, fireIfEnabled, AbortSignal.any([rule.gone.signal, stopping.signal]));
  }

  function setState(rule: Rule, state: string) {
    rule.state = state;
    return {};
  }

  /** May be repeated. */
  function deleteRule(input: RuleInput) {
    const { rules } = busOf(input.EventBusName);
    const rule = rules.get(required("Name", input.Name));
    if (rule === undefined) return {};
    if (rule.targets.size > 0) validation("Rule can't be deleted since it has targets.");
    rule.gone.abort();
    rules.delete(rule.name);
    return {};
  }

  function listRules(input: Page & { NamePrefix?: string; EventBusName?: string }) {
    const rules = [...busOf(input.EventBusName).rules.values()];
    const { items, next } = page(
      rules.filter((rule) => rule.name.startsWith(input.NamePrefix ?? "")),
      input,
    );
    return { Rules: items.map((rule) => rule.answer()), ...next };
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

  /** Takes those that are there, and says which are not. */
  function removeTargets(input: TargetsInput & { Ids?: readonly string[] }) {
    const rule = ruleOf(input.Rule, input);
    const ids = input.Ids ?? [];
    if (ids.length === 0) constraint("ids", "have length greater than or equal to 1");
    const missing = ids.filter((id) => !rule.targets.delete(id));
    const FailedEntries = missing.map((TargetId) => ({
      TargetId,
      ErrorCode: "ResourceNotFoundException",
      ErrorMessage: `Rule ${rule.name} does not have a target with the Id: ${TargetId}.`,
    }));
    return { FailedEntryCount: FailedEntries.length, FailedEntries };
  }

  function listTargetsByRule(input: TargetsInput & Page) {
    const { items, next } = page([...ruleOf(input.Rule, input).targets.values()], input);
    return { Targets: items, ...next };
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
  state: string;
  readonly pattern: EventPattern | undefined;
  readonly targets: Map<string, EventTarget>;
  /** As ListRules answers it. */
  answer(): object;
  /** Aborted when the rule is replaced or deleted. */
  readonly gone: AbortController;
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

/** Characters: "Event pattern size" of the EventBridge quotas. */
const MAXIMUM_PATTERN_LENGTH = 2048;

const WITH_READ_ONLY = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
const STATES: ReadonlySet<string> = new Set(["ENABLED", "DISABLED", WITH_READ_ONLY]);

/** A rule that is just ENABLED does not get CloudTrail's read-only events ("AWS service events via CloudTrail"). */
function isWanted(rule: Rule, event: BusEvent): boolean {
  if (rule.state === "DISABLED") return false;
  const isReadOnly = event["detail-type"] === "AWS API Call via CloudTrail" && event.detail?.readOnly === true;
  return (!isReadOnly || rule.state === WITH_READ_ONLY) && rule.pattern?.matches(event) === true;
}

function scheduleOf(expression: string, bus: Bus): Schedule {
  if (bus.name !== "default") validation("ScheduleExpression is supported only on the default event bus.");
  try {
    return parseSchedule(expression);
  } catch {
    return validation("Parameter ScheduleExpression is not valid.");
  }
}
