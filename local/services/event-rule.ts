import { parseSchedule, type Schedule } from "../../core/schedule.ts";
import type { EventTarget } from "./event-delivery.ts";
import { type EventPattern, parsePattern } from "./event-pattern.ts";
import { validation } from "./event-validation.ts";
import { type BusEvent, defined } from "./service.ts";

/** What makes a rule: all of it can be kept. */
export interface RuleDefinition {
  readonly name: string;
  readonly arn: string;
  readonly bus: string;
  state: string;
  readonly eventPattern: string | undefined;
  readonly scheduleExpression: string | undefined;
  readonly description: string | undefined;
  readonly roleArn: string | undefined;
  /** When PutRule set it, in milliseconds since the epoch: what a rate() counts from. */
  readonly set: number;
  readonly targets: Map<string, EventTarget>;
}

export interface Rule extends RuleDefinition {
  readonly pattern: EventPattern | undefined;
  readonly schedule: Schedule | undefined;
  /** Aborted when the rule is replaced or deleted. */
  readonly gone: AbortController;
}

/** @throws AwsError InvalidEventPatternException, ValidationException */
export function ruleFrom(definition: RuleDefinition): Rule {
  const { eventPattern, scheduleExpression, bus } = definition;
  return {
    ...definition,
    pattern: eventPattern === undefined ? undefined : parsePattern(eventPattern),
    schedule: scheduleExpression === undefined ? undefined : scheduleOf(scheduleExpression, bus),
    gone: new AbortController(),
  };
}

/** The rule as ListRules answers it. */
export function answerOf(rule: RuleDefinition): object {
  return {
    ...{ Name: rule.name, Arn: rule.arn, State: rule.state, EventBusName: rule.bus },
    ...defined({ EventPattern: rule.eventPattern, ScheduleExpression: rule.scheduleExpression }),
    ...defined({ Description: rule.description, RoleArn: rule.roleArn }),
  };
}

/** AWS: CloudTrail's read-only events, too. */
export const WITH_READ_ONLY = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";

/** A rule that is just ENABLED does not get CloudTrail's read-only events ("AWS service events via CloudTrail"). */
export function isWanted(rule: Rule, event: BusEvent): boolean {
  if (rule.state === "DISABLED") return false;
  const isReadOnly = event["detail-type"] === "AWS API Call via CloudTrail" && event.detail?.readOnly === true;
  return (!isReadOnly || rule.state === WITH_READ_ONLY) && rule.pattern?.matches(event) === true;
}

// --- internal ---

function scheduleOf(expression: string, bus: string): Schedule {
  if (bus !== "default") validation("ScheduleExpression is supported only on the default event bus.");
  try {
    return parseSchedule(expression);
  } catch {
    return validation("Parameter ScheduleExpression is not valid.");
  }
}
