import { RotationError } from "./errors.ts";
import { clean } from "./notifications/text.ts";

/** A checked schedule, in UTC as AWS's are. */
export interface Schedule {
  readonly expression: string;
  /** Milliseconds between two firings; of a rate() only. */
  readonly intervalMs?: number;
  /**
   * The first firing that is later than `afterMs`, in milliseconds since the epoch; undefined when there is none any more.
   * A rate() counts from `fromMs` and fires one interval after it for the first time; without it, from `afterMs`. A cron()
   * needs no `fromMs`.
   */
  next(afterMs: number, fromMs?: number): number | undefined;
}

/**
 * Parses `rate(value unit)` or a `cron()` of six fields, as "Setting a schedule pattern for scheduled rules" (EventBridge
 * User Guide) describes them: names, ranges (which may wrap: hours 20-2), lists, steps, `L`, `W`, `#` and `?`. Names may be
 * in any case. `LW`, offsets such as `L-3`, and lists with `L`, `W` or `#` are not documented and are refused. A month
 * without a day 31 does not fire for `31` nor for `31W`.
 *
 * @throws RotationError ConfigurationInvalid, naming the field and what is wrong with it
 */
export function parseSchedule(expression: string): Schedule {
  const [, kind, content = ""] = /^(rate|cron)\(([^()]*)\)$/.exec(expression) ?? [];
  try {
    if (kind === "rate") return parseRate(expression, content);
    if (kind === "cron") return parseCron(expression, content);
    throw new Unreadable("it must be rate(value unit) or cron() with six fields");
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new RotationError(
      "ConfigurationInvalid",
      `The schedule "${clean(expression, 256)}" is not valid: ${error.message}.`,
    );
  }
}

/** Why an expression is none. */
class Unreadable extends Error {
  override readonly name = "Unreadable";
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const UNIT_MS = { minute: MINUTE_MS, hour: HOUR_MS, day: 24 * HOUR_MS };

/** The unit is singular for 1 and plural for more: EventBridge refuses anything else. */
function parseRate(expression: string, content: string): Schedule {
  const [, digits, unit, plural] = /^(\d+)\s+(minute|hour|day)(s?)$/.exec(content.trim()) ?? [];
  if (unit === undefined) throw new Unreadable("a rate is a whole number and minute(s), hour(s) or day(s)");
  const value = Number(digits);
  const intervalMs = value * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (value < 1) throw new Unreadable("the value of a rate must be positive");
  if (!Number.isSafeInteger(intervalMs)) throw new Unreadable("the value of a rate is too large");
  if ((plural === "s") !== value > 1) {
    throw new Unreadable(`the unit must be ${value > 1 ? `plural: ${unit}s` : `singular: ${unit}`}`);
  }
  return {
    expression,
    intervalMs,
    next(afterMs, fromMs = afterMs) {
      const elapsed = Math.max(0, Math.floor((afterMs - fromMs) / intervalMs));
      return fromMs + (elapsed + 1) * intervalMs;
    },
  };
}

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** From `least` on. */
  readonly words?: readonly string[];
}

const MINUTES: Field = { name: "minutes", least: 0, most: 59 };
const HOURS: Field = { name: "hours", least: 0, most: 23 };
const DAY_OF_MONTH: Field = { name: "day-of-month", least: 1, most: 31 };
const MONTH: Field = {
  name: "month",
  least: 1,
  most: 12,
  words: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
/** Sunday is 1. */
const DAY_OF_WEEK: Field = {
  name: "day-of-week",
  least: 1,
  most: 7,
  words: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};
const YEAR: Field = { name: "year", least: 1970, most: 2199 };

interface Day {
  readonly ofMonth: number;
  /** Sunday is 1. */
  readonly ofWeek: number;
  readonly lastOfMonth: number;
}
type DayTest = (day: Day) => boolean;

function parseCron(expression: string, content: string): Schedule {
  const fields = content.trim().split(/\s+/);
  if (fields.length !== 6) throw new Unreadable(`a cron has six fields, not ${content.trim() ? fields.length : 0}`);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = ""] = fields;
  if ((dayOfMonth === "?") === (dayOfWeek === "?")) {
    throw new Unreadable("exactly one of day-of-month and day-of-week must be ?");
  }
  const minutes = valuesOf(minute, MINUTES);
  const hours = valuesOf(hour, HOURS);
  const isDay = dayOfWeek === "?" ? dayOfMonthTest(dayOfMonth) : dayOfWeekTest(dayOfWeek);
  const months = valuesOf(month, MONTH);
  const years = valuesOf(year, YEAR);

  function next(afterMs: number): number | undefined {
    const earliest = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
    for (const year of years) {
      for (const month of months) {
        if (Date.UTC(year, month, 1) <= earliest) continue;
        for (const midnight of daysOf(year, month, isDay)) {
          for (const hour of hours) {
            const time = midnight + hour * HOUR_MS;
            const minute = minutes.find((each) => time + each * MINUTE_MS >= earliest);
            if (minute !== undefined) return time + minute * MINUTE_MS;
          }
        }
      }
    }
    return undefined;
  }

  return { expression, next };
}

/** Midnight of each day of the month that the test wants, in order. */
function* daysOf(year: number, month: number, isDay: DayTest): Generator<number> {
  const lastOfMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  for (let ofMonth = 1; ofMonth <= lastOfMonth; ofMonth++) {
    const midnight = Date.UTC(year, month - 1, ofMonth);
    if (isDay({ ofMonth, ofWeek: new Date(midnight).getUTCDay() + 1, lastOfMonth })) yield midnight;
  }
}

function dayOfMonthTest(text: string): DayTest {
  if (/^L$/i.test(text)) return (day) => day.ofMonth === day.lastOfMonth;
  const weekday = /^(\d+)W$/i.exec(text)?.[1];
  if (weekday === undefined) return oneOf(valuesOf(text, DAY_OF_MONTH), "ofMonth");
  const wanted = numberOf(weekday, DAY_OF_MONTH);
  return (day) => day.ofMonth === nearestWeekday(wanted, day);
}

/** The weekday closest to the `wanted` day of the month that `day` is in, without leaving the month. */
function nearestWeekday(wanted: number, { ofMonth, ofWeek, lastOfMonth }: Day): number | undefined {
  if (wanted > lastOfMonth) return undefined;
  const wantedOfWeek = (((ofWeek - 1 + wanted - ofMonth) % 7) + 7) % 7;
  if (wantedOfWeek === 6) return wanted === 1 ? 3 : wanted - 1; // Saturday
  if (wantedOfWeek === 0) return wanted === lastOfMonth ? wanted - 2 : wanted + 1; // Sunday
  return wanted;
}

function dayOfWeekTest(text: string): DayTest {
  if (/^L$/i.test(text)) return (day) => day.ofWeek === 7;
  const last = /^(\w+)L$/i.exec(text)?.[1];
  if (last !== undefined) {
    const wanted = numberOf(last, DAY_OF_WEEK);
    return (day) => day.ofWeek === wanted && day.ofMonth > day.lastOfMonth - 7;
  }
  const [, name, count] = /^(\w+)#(\d+)$/.exec(text) ?? [];
  if (name === undefined) return oneOf(valuesOf(text, DAY_OF_WEEK), "ofWeek");
  const wanted = numberOf(name, DAY_OF_WEEK);
  const nth = Number(count);
  if (nth < 1 || nth > 5) throw new Unreadable(`day-of-week "${text}": a month has that day 1 to 5 times`);
  return (day) => day.ofWeek === wanted && Math.ceil(day.ofMonth / 7) === nth;
}

function oneOf(values: readonly number[], part: "ofMonth" | "ofWeek"): DayTest {
  const wanted = new Set(values);
  return (day) => wanted.has(day[part]);
}

/** Every value of a field, in ascending order. */
function valuesOf(text: string, field: Field): readonly number[] {
  const values = text.split(",").flatMap((item) => valuesOfItem(item, field));
  return [...new Set(values)].sort((a, b) => a - b);
}

function valuesOfItem(item: string, field: Field): number[] {
  const [range = "", stepText, ...rest] = item.split("/");
  if (rest.length > 0) throw new Unreadable(`${field.name} "${item}" has more than one step`);
  const step = stepText === undefined ? 1 : stepOf(stepText, field);
  const { from, to } = boundsOf(range, stepText !== undefined, field);
  const size = field.most - field.least + 1;
  const count = to >= from ? to - from : to + size - from;
  const offsets = Array.from({ length: Math.floor(count / step) + 1 }, (_, index) => index * step);
  return offsets.map((offset) => ((from - field.least + offset) % size) + field.least);
}

/** A single value with a step runs to the end of the field, and so does a step alone ("/8"). */
function boundsOf(range: string, hasStep: boolean, field: Field): { from: number; to: number } {
  if (range === "*" || (range === "" && hasStep)) return { from: field.least, to: field.most };
  const [first = "", last, ...rest] = range.split("-");
  if (rest.length > 0) throw new Unreadable(`${field.name} "${range}" is not a range`);
  const from = numberOf(first, field);
  if (last === undefined) return { from, to: hasStep ? field.most : from };
  const to = numberOf(last, field);
  if (field === YEAR && to < from) throw new Unreadable(`year "${range}" ends before it begins`);
  return { from, to };
}

function stepOf(text: string, field: Field): number {
  const step = /^\d+$/.test(text) ? Number(text) : 0;
  if (step >= 1 && step <= field.most) return step;
  throw new Unreadable(`${field.name}: the step "${text}" is not 1 to ${field.most}`);
}

function numberOf(text: string, field: Field): number {
  const word = field.words?.indexOf(text.toUpperCase()) ?? -1;
  const value = word >= 0 ? word + field.least : /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= field.least && value <= field.most) return value;
  const names = field.words === undefined ? "" : ` or ${field.words[0]}-${field.words.at(-1)}`;
  throw new Unreadable(`${field.name} "${text}" is not ${field.least}-${field.most}${names}`);
}
