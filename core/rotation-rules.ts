import * as z from "zod/mini";
import { firesTwiceWithin, openingsOf } from "./firings.ts";
import { parseSchedule, type Schedule } from "./schedule.ts";

/** RotationRules of Secrets Manager, by its own names. */
export interface RotationRules {
  readonly AutomaticallyAfterDays?: number | undefined;
  readonly ScheduleExpression?: string | undefined;
  readonly Duration?: string | undefined;
}

export interface RotationRulesProblem {
  /** Absent: the rules as a whole. */
  readonly field?: keyof RotationRules;
  readonly reason: string;
}

/**
 * What Secrets Manager would refuse (user guide, "Rotation schedules"): its rules are narrower than what a schedule may say
 * elsewhere. Undefined for rules that it takes. Pure.
 */
export function findProblem(rules: RotationRules): RotationRulesProblem | undefined {
  const { AutomaticallyAfterDays: days, ScheduleExpression: expression, Duration: duration } = rules;
  if (days !== undefined && expression !== undefined) {
    return { reason: "You can't set both RotationRules.AutomaticallyAfterDays and RotationRules.ScheduleExpression." };
  }
  if (days === undefined && expression === undefined) {
    return { reason: "RotationRules needs AutomaticallyAfterDays or ScheduleExpression." };
  }
  if (days !== undefined && !(days >= 1 && days <= 1000)) {
    return { field: "AutomaticallyAfterDays", reason: "must be within 1-1000" };
  }
  const windowMs = duration === undefined ? 0 : durationMs(duration);
  if (windowMs === undefined) return { field: "Duration", reason: "must be 1h to 24h" };
  return expression === undefined ? undefined : problemOfExpression(expression, windowMs);
}

/** Milliseconds; undefined for what is no duration. */
export function durationMs(duration: string): number | undefined {
  const hours = Number(/^(\d{1,2})h$/.exec(duration)?.[1] ?? 0);
  return hours < 1 || hours > 24 ? undefined : hours * HOUR_MS;
}

/** The rules in a policy, in its own casing. What Secrets Manager takes of them is looked at when they are deployed. */
export const rotationRules = z.strictObject({
  scheduleExpression: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
  automaticallyAfterDays: z.optional(z.int()),
  /** How long a window is open, such as "2h". */
  duration: z.optional(z.string()),
});

/** What Secrets Manager would refuse in a policy's rules, by the names that these have there; undefined where nothing. Pure. */
export function problemInPolicy(
  rules: z.infer<typeof rotationRules>,
): { readonly field?: keyof typeof rules; readonly reason: string } | undefined {
  if ((rules.automaticallyAfterDays === undefined) === (rules.scheduleExpression === undefined)) {
    return { reason: "needs either scheduleExpression or automaticallyAfterDays, and not both" };
  }
  const problem = findProblem(toRotationRules(rules));
  return problem && { reason: problem.reason, ...(problem.field && { field: FIELDS[problem.field] }) };
}

/** As Secrets Manager takes them. */
export function toRotationRules(rules: {
  readonly scheduleExpression?: string | undefined;
  readonly automaticallyAfterDays?: number | undefined;
  readonly duration?: string | undefined;
}): RotationRules {
  return {
    AutomaticallyAfterDays: rules.automaticallyAfterDays,
    ScheduleExpression: rules.scheduleExpression,
    Duration: rules.duration,
  };
}

/** Of a native policy that names none. */
export const DEFAULT_ROTATION_RULES = { automaticallyAfterDays: 30 } as const;

// --- internal ---

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const FIELDS = {
  AutomaticallyAfterDays: "automaticallyAfterDays",
  ScheduleExpression: "scheduleExpression",
  Duration: "duration",
} as const;

function problemOfExpression(expression: string, windowMs: number): RotationRulesProblem | undefined {
  let schedule: Schedule;
  try {
    schedule = parseSchedule(expression);
  } catch (error) {
    return ofSchedule((error instanceof Error ? error.message : "it cannot be read").replace(/\.$/, ""));
  }
  const { intervalMs } = schedule;
  return intervalMs === undefined ? problemOfCron(schedule, windowMs) : problemOfRate(intervalMs, expression, windowMs);
}

function problemOfRate(intervalMs: number, expression: string, windowMs: number): RotationRulesProblem | undefined {
  if (expression.includes("minute")) return ofSchedule("a rate is in hours or days");
  if (intervalMs < SHORTEST_MS) return ofSchedule("the shortest interval is 4 hours");
  if (intervalMs > 999 * DAY_MS) return ofSchedule("the longest interval is 999 days");
  if (windowMs > intervalMs) return tooLong(NEXT, intervalMs);
  return undefined;
}

function problemOfCron(schedule: Schedule, windowMs: number): RotationRulesProblem | undefined {
  const [minutes, , , , , year] = schedule.expression.slice("cron(".length, -1).trim().split(/\s+/);
  if (minutes !== "0") return ofSchedule("minutes must be 0");
  if (year !== "*") return ofSchedule("year must be *");
  const first = schedule.next(0);
  if (first === undefined) return ofSchedule("it never fires");
  if (firesTwiceWithin(schedule, SHORTEST_MS))
    return ofSchedule("the shortest interval is 4 hours, over midnight, too");
  // Every day that has a window has the same ones.
  const openings = openingsOf(schedule, first);
  const endOfDay = Math.floor(first / DAY_MS) * DAY_MS + DAY_MS;
  for (const [index, opens] of openings.entries()) {
    const next = openings[index + 1];
    if (opens + windowMs > (next ?? endOfDay)) {
      return tooLong(
        next === undefined ? "the next day, which begins at midnight UTC" : NEXT,
        (next ?? endOfDay) - opens,
      );
    }
  }
  return undefined;
}

const SHORTEST_MS = 4 * HOUR_MS;
const NEXT = "the next one";

function ofSchedule(reason: string): RotationRulesProblem {
  return { field: "ScheduleExpression", reason };
}

function tooLong(into: string, mostMs: number): RotationRulesProblem {
  return { field: "Duration", reason: `the window extends into ${into}: it may be ${mostMs / HOUR_MS}h at most` };
}
