import type { Clock } from "../clock.ts";
import { type Journal, NO_JOURNAL } from "../journal.ts";
import type { EventTarget } from "./event-delivery.ts";
import { answerOf, isWanted, type Rule, type RuleDefinition, ruleFrom, WITH_READ_ONLY } from "./event-rule.ts";
import { checkedTarget } from "./event-target.ts";
import { constraint, exceeded, named, type Page, page, required, validation } from "./event-validation.ts";
import { onSchedule } from "./schedule-timer.ts";
import { AwsError, type BusEvent, type Operation, type Place } from "./service.ts";

export interface EventRulesOptions extends Place {
  readonly clock: Clock;
  readonly journal?: Journal | undefined;
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
  /** Takes back what an earlier process kept. Schedules go on when `resumed` resolves true: what they missed is not made up for. */
  recover(resumed: Promise<boolean>): void;
  /** No schedule fires any more. */
  stop(): void;
}

/** The event buses of an account with their rules and targets. The default bus is always there. */
export function createEventRules(options: EventRulesOptions): EventRules {
  const { region, accountId, clock, fire, journal = NO_JOURNAL } = options;
  const buses = new Map<string, Bus>();
  const stopping = new AbortController();
  addBus("default");

  return {
    operations: {
      CreateEventBus: createEventBus,
      PutRule: putRule,
      DescribeRule: (input: RuleInput) => ({ ...answerOf(ruleOf(input.Name, input)), CreatedBy: accountId }),
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
    recover(resumed) {
      for (const name of journal.kept<string>(BUS)) addBus(name);
      for (const { targets, ...definition } of journal.kept<InJson>(RULE)) {
        const rule = ruleFrom({ ...definition, targets: new Map(targets) });
        busOf(rule.bus).rules.set(rule.name, rule);
        void resumed.then((isResumed) => (isResumed ? keepSchedule(rule) : undefined));
      }
    },
    stop: () => stopping.abort(),
  };

  // --- buses ---

  function createEventBus(input: { Name?: string }) {
    const name = named("name", input.Name, 256);
    if (buses.has(name)) throw new AwsError("ResourceAlreadyExistsException", `Event bus ${name} already exists.`);
    journal.put(BUS, name, name);
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
    const old = bus.rules.get(name);
    const path = bus.name === "default" ? name : `${bus.name}/${name}`;
    const rule = ruleFrom({
      ...{ name, bus: bus.name, state, set: clock.now(), targets: old?.targets ?? new Map() },
      arn: `arn:aws:events:${region}:${accountId}:rule/${path}`,
      ...{ eventPattern: text || undefined, scheduleExpression: expression || undefined },
      ...{ description: Description, roleArn: RoleArn },
    });
    if (old === undefined && bus.rules.size >= 300) exceeded();
    old?.gone.abort();
    bus.rules.set(name, rule);
    save(rule);
    void keepSchedule(rule);
    return { RuleArn: rule.arn };
  }

  function save({ pattern, schedule, gone, ...definition }: Rule): void {
    journal.put(RULE, definition.arn, definition);
  }

  /** A rate() counts from PutRule; being disabled in between does not move it. */
  async function keepSchedule(rule: Rule): Promise<void> {
    const { schedule, set, gone } = rule;
    if (schedule === undefined) return;
    const fireIfEnabled = () => {
      if (rule.state !== "DISABLED") fire(rule.arn, [...rule.targets.values()]);
    };
    const next = (now: number) => schedule.next(now, set);
    await onSchedule(clock, next, fireIfEnabled, AbortSignal.any([gone.signal, stopping.signal]));
  }

  function setState(rule: Rule, state: string) {
    rule.state = state;
    save(rule);
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
    journal.remove(RULE, rule.arn);
    return {};
  }

  function listRules(input: Page & { NamePrefix?: string; EventBusName?: string }) {
    const rules = [...busOf(input.EventBusName).rules.values()];
    const { items, next } = page(
      rules.filter((rule) => rule.name.startsWith(input.NamePrefix ?? "")),
      input,
    );
    return { Rules: items.map(answerOf), ...next };
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
    save(rule);
    return { FailedEntryCount: 0, FailedEntries: [] };
  }

  /** Takes those that are there, and says which are not. */
  function removeTargets(input: TargetsInput & { Ids?: readonly string[] }) {
    const rule = ruleOf(input.Rule, input);
    const ids = input.Ids ?? [];
    if (ids.length === 0) constraint("ids", "have length greater than or equal to 1");
    const missing = ids.filter((id) => !rule.targets.delete(id));
    save(rule);
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

type InJson = Omit<RuleDefinition, "targets"> & { readonly targets: readonly [string, EventTarget][] };

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

const STATES: ReadonlySet<string> = new Set(["ENABLED", "DISABLED", WITH_READ_ONLY]);

const BUS = "event-bus";
const RULE = "event-rule";
