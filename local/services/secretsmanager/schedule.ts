import { openingsOf } from "../../../core/firings.ts";
import { durationMs, findProblem } from "../../../core/rotation-rules.ts";
import { parseSchedule, type Schedule } from "../../../core/schedule.ts";
import { invalidParameter } from "./errors.ts";
import type { RotationRules } from "./store.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** Milliseconds since the epoch; `closes` is the first moment after the window. */
export interface RotationWindow {
  readonly opens: number;
  readonly closes: number;
}

/** @throws InvalidParameterException for rules that Secrets Manager does not take */
export function validateRules(rules: RotationRules): void {
  const problem = findProblem(rules);
  if (problem === undefined) return;
  const { field, reason } = problem;
  if (field === undefined) throw invalidParameter(reason);
  const says = field === "ScheduleExpression" ? `isn't valid: ${reason}` : reason;
  throw invalidParameter(`RotationRules.${field} ${says}.`);
}

/**
 * The first rotation window that opens later than `after`, of a schedule that counts from `from`: when the value last
 * changed. Undefined when a cron() has no further one.
 */
export function nextWindow(rules: RotationRules, from: number, after = from): RotationWindow | undefined {
  const schedule = scheduleOf(rules);
  const inDays = isInDays(schedule.expression);
  // A window opens on the hour, of a rate in days at midnight UTC.
  const unit = inDays ? DAY_MS : HOUR_MS;
  let opens = Number.NEGATIVE_INFINITY;
  for (let at: number | undefined = after; opens <= after; opens = Math.floor(at / unit) * unit) {
    at = schedule.next(Math.max(at, from), from);
    if (at === undefined) return undefined;
  }
  const endOfDay = Math.floor(opens / DAY_MS) * DAY_MS + DAY_MS;
  const untilEndOfDay = inDays || (schedule.intervalMs === undefined && openingsOf(schedule, opens).length === 1);
  const byDefault = untilEndOfDay ? endOfDay : opens + HOUR_MS;
  return { opens, closes: rules.Duration === undefined ? byDefault : opens + (durationMs(rules.Duration) ?? 0) };
}

function scheduleOf({ AutomaticallyAfterDays: days, ScheduleExpression: expression = "" }: RotationRules): Schedule {
  return parseSchedule(days === undefined ? expression : `rate(${days} day${days === 1 ? "" : "s"})`);
}

function isInDays(expression: string): boolean {
  return /^rate\(.*day/.test(expression);
}
