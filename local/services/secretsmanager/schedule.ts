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

/**
 * Checks RotationRules (user guide, "Rotation schedules"), of which some are narrower than what a schedule may say
 * elsewhere.
 *
 * @throws InvalidParameterException
 */
export function validateRules(rules: RotationRules): void {
  const { AutomaticallyAfterDays: days, ScheduleExpression: expression, Duration: duration } = rules;
  if (days !== undefined && expression !== undefined) {
    throw invalidParameter(
      "You can't set both RotationRules.AutomaticallyAfterDays and RotationRules.ScheduleExpression.",
    );
  }
  if (days === undefined && expression === undefined) {
    throw invalidParameter("RotationRules needs AutomaticallyAfterDays or ScheduleExpression.");
  }
  if (days !== undefined && !(days >= 1 && days <= 1000)) {
    throw invalidParameter("RotationRules.AutomaticallyAfterDays must be within 1-1000.");
  }
  const windowMs = duration === undefined ? 0 : windowOf(duration);
  if (expression === undefined) return;
  const schedule = parseOrRefuse(expression);
  if (schedule.intervalMs === undefined) validateCron(schedule, windowMs);
  else validateRate(schedule.intervalMs, expression, windowMs);
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
  return { opens, closes: rules.Duration === undefined ? byDefault : opens + windowOf(rules.Duration) };
}

function scheduleOf({ AutomaticallyAfterDays: days, ScheduleExpression: expression = "" }: RotationRules): Schedule {
  return parseSchedule(days === undefined ? expression : `rate(${days} day${days === 1 ? "" : "s"})`);
}

function parseOrRefuse(expression: string): Schedule {
  try {
    return parseSchedule(expression);
  } catch (error) {
    throw invalidSchedule(error instanceof Error ? error.message : "it cannot be read");
  }
}

function validateRate(intervalMs: number, expression: string, windowMs: number): void {
  if (expression.includes("minute")) throw invalidSchedule("a rate is in hours or days");
  if (intervalMs < 4 * HOUR_MS) throw invalidSchedule("the shortest interval is 4 hours");
  if (intervalMs > 999 * DAY_MS) throw invalidSchedule("the longest interval is 999 days");
  if (windowMs > intervalMs) throw invalidSchedule("the window extends into the next one");
}

function validateCron(schedule: Schedule, windowMs: number): void {
  const [minutes, , , , , year] = schedule.expression.slice("cron(".length, -1).trim().split(/\s+/);
  if (minutes !== "0") throw invalidSchedule("minutes must be 0");
  if (year !== "*") throw invalidSchedule("year must be *");
  const first = schedule.next(0);
  if (first === undefined) throw invalidSchedule("it never fires");
  // Every day that has a window has the same ones.
  const openings = openingsOf(schedule, first);
  const endOfDay = Math.floor(first / DAY_MS) * DAY_MS + DAY_MS;
  for (const [index, opens] of openings.entries()) {
    const next = openings[index + 1];
    if (next !== undefined && next - opens < 4 * HOUR_MS) throw invalidSchedule("the shortest interval is 4 hours");
    if (opens + windowMs > (next ?? endOfDay)) throw invalidSchedule("the window extends into the next one");
  }
}

/** When the windows of a cron() open on the UTC day that `time` is in. */
function openingsOf(schedule: Schedule, time: number): number[] {
  const midnight = Math.floor(time / DAY_MS) * DAY_MS;
  const openings: number[] = [];
  for (let at = schedule.next(midnight - 1); at !== undefined && at < midnight + DAY_MS; at = schedule.next(at)) {
    openings.push(at);
  }
  return openings;
}

function isInDays(expression: string): boolean {
  return /^rate\(.*day/.test(expression);
}

/** Milliseconds. */
function windowOf(duration: string): number {
  const hours = Number(/^(\d{1,2})h$/.exec(duration)?.[1] ?? 0);
  if (hours < 1 || hours > 24) throw invalidParameter("RotationRules.Duration must be 1h to 24h.");
  return hours * HOUR_MS;
}

function invalidSchedule(reason: string) {
  return invalidParameter(`RotationRules.ScheduleExpression isn't valid: ${reason.replace(/\.$/, "")}.`);
}
