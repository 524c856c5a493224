import { invalidParameter } from "./errors.ts";
import type { RotationRules } from "./store.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Checks RotationRules (user guide, "Schedule expressions in Secrets Manager rotation"). Of a cron() expression the
 * form, the fixed fields and the four-hour minimum are checked, not each field's range.
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
  const window = duration === undefined ? undefined : windowHours(duration);
  if (expression === undefined) return;
  const rate = parseRate(expression);
  if (rate === undefined) validateCron(expression);
  else validateRate(rate, window);
}

/**
 * The end of the next rotation window: AWS rotates "on or before" NextRotationDate. `from` is when the value last
 * changed. Undefined for cron() schedules, which this account stores and never fires.
 */
export function nextRotation(rules: RotationRules, from: number): number | undefined {
  const rate =
    rules.AutomaticallyAfterDays === undefined
      ? parseRate(rules.ScheduleExpression ?? "")
      : { value: rules.AutomaticallyAfterDays, unit: "day" as const, ms: DAY_MS };
  if (rate === undefined) return undefined;
  // A window opens on the hour, in days at midnight UTC, and closes at the end of that hour or day.
  const opens = Math.floor((from + rate.value * rate.ms) / rate.ms) * rate.ms;
  const length = rules.Duration === undefined ? rate.ms : windowHours(rules.Duration) * HOUR_MS;
  return opens + length - 1000;
}

function validateRate(rate: Rate, window: number | undefined): void {
  if (rate.unit === "hour" && rate.value < 4) throw invalidSchedule("the shortest interval is 4 hours");
  if (rate.value * rate.ms > 999 * DAY_MS) throw invalidSchedule("the longest interval is 999 days");
  if (window !== undefined && window * HOUR_MS > rate.value * rate.ms) {
    throw invalidSchedule("the window extends into the next one");
  }
}

interface Rate {
  readonly value: number;
  readonly unit: "hour" | "day";
  readonly ms: number;
}

function parseRate(expression: string): Rate | undefined {
  const match = /^rate\((\d+) (hour|day)s?\)$/.exec(expression);
  if (!match) return undefined;
  const unit = match[2] === "hour" ? "hour" : "day";
  const value = Number(match[1]);
  if (value < 1) throw invalidSchedule("the interval must be positive");
  return { value, unit, ms: unit === "hour" ? HOUR_MS : DAY_MS };
}

function validateCron(expression: string): void {
  const fields = /^cron\(([^()]+)\)$/.exec(expression)?.[1]?.trim().split(/\s+/);
  if (fields?.length !== 6) throw invalidSchedule("it must be rate(value unit) or cron() with six fields");
  const [minutes = "", hours = "", dayOfMonth = "", , dayOfWeek = "", year = ""] = fields;
  if (minutes !== "0") throw invalidSchedule("minutes must be 0");
  if (year !== "*") throw invalidSchedule("year must be *");
  if ((dayOfMonth === "?") === (dayOfWeek === "?")) {
    throw invalidSchedule("exactly one of day-of-month and day-of-week must be ?");
  }
  const step = /\/(\d+)$/.exec(hours)?.[1];
  if (hours === "*" || (step !== undefined && Number(step) < 4)) {
    throw invalidSchedule("the shortest interval is 4 hours");
  }
}

function windowHours(duration: string): number {
  const hours = /^(\d{1,2})h$/.exec(duration)?.[1];
  if (hours === undefined || Number(hours) < 1 || Number(hours) > 24) {
    throw invalidParameter("RotationRules.Duration must be 1h to 24h.");
  }
  return Number(hours);
}

function invalidSchedule(reason: string) {
  return invalidParameter(`RotationRules.ScheduleExpression isn't valid: ${reason}.`);
}
