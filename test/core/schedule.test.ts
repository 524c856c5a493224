import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isRetryable } from "../../core/errors.ts";
import { parseSchedule } from "../../core/schedule.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The first `count` firings after a time. */
function firings(expression: string, after: string, count: number): string[] {
  const schedule = parseSchedule(expression);
  const found: string[] = [];
  for (let time: number | undefined = Date.parse(after); found.length < count; ) {
    time = schedule.next(time);
    if (time === undefined) break;
    found.push(new Date(time).toISOString().slice(0, 16));
  }
  return found;
}

describe("cron()", () => {
  // 1 January 2026 is a Thursday.
  test.each([
    ["cron(0 10 * * ? *)", ["2026-01-01T10:00", "2026-01-02T10:00"]],
    ["cron(0 18 ? * MON-FRI *)", ["2026-01-01T18:00", "2026-01-02T18:00", "2026-01-05T18:00"]],
    ["cron(0 8 1 * ? *)", ["2026-01-01T08:00", "2026-02-01T08:00"]],
    ["cron(1/20 0 * * ? *)", ["2026-01-01T00:01", "2026-01-01T00:21", "2026-01-01T00:41", "2026-01-02T00:01"]],
    ["cron(0 /8 * * ? *)", ["2026-01-01T08:00", "2026-01-01T16:00", "2026-01-02T00:00"]],
    ["cron(0 2/10 * * ? *)", ["2026-01-01T02:00", "2026-01-01T12:00", "2026-01-01T22:00", "2026-01-02T02:00"]],
    ["cron(0 20-2/2 * * ? *)", ["2026-01-01T02:00", "2026-01-01T20:00", "2026-01-01T22:00", "2026-01-02T00:00"]],
    ["cron(0 1 ? 1/3 SUN#1 *)", ["2026-01-04T01:00", "2026-04-05T01:00", "2026-07-05T01:00"]],
    ["cron(0 0 ? 1/11 2#1 *)", ["2026-01-05T00:00", "2026-12-07T00:00", "2027-01-04T00:00"]],
    ["cron(0 17 L * ? *)", ["2026-01-31T17:00", "2026-02-28T17:00", "2026-03-31T17:00"]],
    ["cron(15 10 ? * 6L 2026-2027)", ["2026-01-30T10:15", "2026-02-27T10:15"]],
    ["cron(0 0 ? * L *)", ["2026-01-03T00:00", "2026-01-10T00:00"]],
    ["cron(0 0 ? * sunl *)", ["2026-01-25T00:00", "2026-02-22T00:00"]],
    ["cron(0 0 ? feb,NOV fri#5 *)", ["2029-11-30T00:00"]],
    // 3 January is a Saturday, 1 March a Sunday, 1 August a Saturday, 31 May a Sunday.
    ["cron(0 0 3W 1 ? *)", ["2026-01-02T00:00", "2027-01-04T00:00"]],
    ["cron(0 0 1W 3,8 ? 2026)", ["2026-03-02T00:00", "2026-08-03T00:00"]],
    ["cron(0 0 31W 4,5,6 ? 2026)", ["2026-05-29T00:00"]],
    ["cron(0 0 29 2 ? *)", ["2028-02-29T00:00", "2032-02-29T00:00"]],
    ["cron(59 23 31 12 ? 2199)", ["2199-12-31T23:59"]],
  ])("%s fires when AWS says", (expression, times) => {
    expect(firings(expression, "2026-01-01T00:00:00Z", times.length)).toEqual(times);
  });

  test("nothing is left after its last year, nor on a day that no month has", () => {
    expect(parseSchedule("cron(0 0 1 1 ? 2025)").next(Date.UTC(2026, 0, 1))).toBeUndefined();
    expect(parseSchedule("cron(0 0 30 2 ? *)").next(Date.UTC(2026, 0, 1))).toBeUndefined();
  });

  test.each([
    ["cron(0 0 * * *)", "six fields, not 5"],
    ["cron()", "six fields, not 0"],
    ["cron(60 0 * * ? *)", 'minutes "60" is not 0-59'],
    ["cron(0 24 * * ? *)", 'hours "24" is not 0-23'],
    ["cron(0 -1 * * ? *)", 'hours "" is not 0-23'],
    ["cron(0 0 0 * ? *)", 'day-of-month "0" is not 1-31'],
    ["cron(0 0 32W * ? *)", 'day-of-month "32" is not 1-31'],
    ["cron(0 0 LW * ? *)", 'day-of-month "LW" is not 1-31'],
    ["cron(0 0 1 JANUARY ? *)", 'month "JANUARY" is not 1-12 or JAN-DEC'],
    ["cron(0 0 1 1 ? 1969)", 'year "1969" is not 1970-2199'],
    ["cron(0 0 1 1 ? 2030-2020)", 'year "2030-2020" ends before it begins'],
    ["cron(0 0 ? * 8 *)", 'day-of-week "8" is not 1-7 or SUN-SAT'],
    ["cron(0 0 ? * MON#6 *)", "a month has that day 1 to 5 times"],
    ["cron(0 0 ? * 3#1,6#3 *)", 'day-of-week "3#1" is not 1-7'],
    ["cron(0 0/0 * * ? *)", 'hours: the step "0" is not 1 to 23'],
    ["cron(0 0/2/3 * * ? *)", "has more than one step"],
    ["cron(0 1-2-3 * * ? *)", 'hours "1-2-3" is not a range'],
    ["cron(0 , * * ? *)", 'hours "" is not 0-23'],
    ["cron(0 ? * * ? *)", 'hours "?" is not 0-23'],
    ["cron(0 0 * * * *)", "exactly one of day-of-month and day-of-week must be ?"],
    ["cron(0 0 ? * ? *)", "exactly one of day-of-month and day-of-week must be ?"],
    ["rate(0 days)", "must be positive"],
    ["rate(1 hours)", "singular: hour"],
    ["rate(5 hour)", "plural: hours"],
    ["rate(5 weeks)", "a whole number and minute(s), hour(s) or day(s)"],
    ["rate(1.5 hours)", "a whole number"],
    ["rate(99999999999999999 days)", "too large"],
    ["at(2026-01-01T00:00:00)", "rate(value unit) or cron() with six fields"],
    ["", "rate(value unit) or cron() with six fields"],
  ])("%s is refused, and why is said", (expression, why) => {
    let thrown: unknown;
    try {
      parseSchedule(expression);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: "ConfigurationInvalid", message: expect.stringContaining(why) });
    expect(isRetryable(thrown)).toBe(false);
  });
});

describe("rate()", () => {
  test("counts from when it was set, not from when it is asked", () => {
    const schedule = parseSchedule("rate(4 hours)");
    expect(schedule.intervalMs).toBe(4 * HOUR);
    expect(schedule.next(1000, 1000)).toBe(1000 + 4 * HOUR);
    expect(schedule.next(1000 + 4 * HOUR - 1, 1000)).toBe(1000 + 4 * HOUR);
    expect(schedule.next(1000 + 4 * HOUR, 1000)).toBe(1000 + 8 * HOUR);
    expect(schedule.next(1000)).toBe(1000 + 4 * HOUR);
    expect(schedule.next(0, 10 * DAY)).toBe(10 * DAY + 4 * HOUR);
  });

  test("its next firing is later, a whole number of intervals away, and the first such", () => {
    const units = fc.constantFrom(["minute", MINUTE], ["hour", HOUR], ["day", DAY]) as fc.Arbitrary<[string, number]>;
    const input = fc.tuple(fc.integer({ min: 1, max: 999 }), units, fc.nat(1e12), fc.nat(1e12));
    fc.assert(
      fc.property(input, ([value, [unit, ms], from, after]) => {
        const next = parseSchedule(`rate(${value} ${unit}${value > 1 ? "s" : ""})`).next(after, from) ?? Number.NaN;
        expect(next).toBeGreaterThan(after);
        expect((next - from) % (value * ms)).toBe(0);
        expect(next - value * ms <= Math.max(after, from)).toBe(true);
      }),
    );
  });
});

// --- any cron, against a walk through every minute ---

interface Part {
  readonly text: string;
  readonly values: ReadonlySet<number>;
}

/** A list of values, ranges and steps, as text and as what it means. */
function part(least: number, most: number, words?: readonly string[]): fc.Arbitrary<Part> {
  const value = fc.integer({ min: least, max: most });
  const named = (each: number, asWord: boolean) => (words && asWord ? (words[each - least] ?? "") : String(each));
  const single = fc.tuple(value, fc.boolean()).map(([each, asWord]) => ({ text: named(each, asWord), values: [each] }));
  const range = fc.tuple(value, value, fc.integer({ min: 1, max: 5 }), fc.boolean()).map(([from, to, step, asWord]) => {
    const values: number[] = [];
    for (let each = from, count = 0; ; each = each === most ? least : each + 1, count++) {
      if (count % step === 0) values.push(each);
      if (each === to) break;
    }
    return { text: `${named(from, asWord)}-${named(to, asWord)}${step > 1 ? `/${step}` : ""}`, values };
  });
  const stepped = fc.tuple(value, fc.integer({ min: 1, max: most })).map(([from, step]) => {
    const values: number[] = [];
    for (let each = from; each <= most; each += step) values.push(each);
    return { text: `${from}/${step}`, values };
  });
  const all = fc.constant({
    text: "*",
    values: Array.from({ length: most - least + 1 }, (_, index) => index + least),
  });
  return fc.array(fc.oneof(single, range, stepped, all), { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map((item) => item.text).join(","),
    values: new Set(items.flatMap((item) => item.values)),
  }));
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

type Day = { readonly text: string; readonly fits: (date: Date) => boolean };
const lastDay = (date: Date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
const weekday = (date: Date) => date.getUTCDay() + 1;

/** Of the month's weekdays the one closest to the wanted day. Two are never equally close: only two days have no work. */
function isNearestWeekday(date: Date, wanted: number): boolean {
  if (wanted > lastDay(date)) return false;
  const candidates = Array.from({ length: lastDay(date) }, (_, index) => index + 1).filter((day) => {
    const of = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), day)).getUTCDay();
    return of !== 0 && of !== 6;
  });
  const nearest = candidates.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a));
  return date.getUTCDate() === nearest;
}

const day: fc.Arbitrary<Day> = fc.oneof(
  part(1, 31).map(({ text, values }) => ({ text: `${text} M ?`, fits: (date: Date) => values.has(date.getUTCDate()) })),
  fc.constant({ text: "L M ?", fits: (date: Date) => date.getUTCDate() === lastDay(date) }),
  fc.integer({ min: 1, max: 31 }).map((n) => ({ text: `${n}W M ?`, fits: (date: Date) => isNearestWeekday(date, n) })),
  part(1, 7, WEEKDAYS).map(({ text, values }) => ({
    text: `? M ${text}`,
    fits: (date: Date) => values.has(weekday(date)),
  })),
  fc.constant({ text: "? M L", fits: (date: Date) => weekday(date) === 7 }),
  fc.integer({ min: 1, max: 7 }).map((n) => ({
    text: `? M ${n}L`,
    fits: (date: Date) => weekday(date) === n && date.getUTCDate() + 7 > lastDay(date),
  })),
  fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 5 })).map(([n, nth]) => ({
    text: `? M ${WEEKDAYS[n - 1]}#${nth}`,
    fits: (date: Date) => weekday(date) === n && date.getUTCDate() > 7 * (nth - 1) && date.getUTCDate() <= 7 * nth,
  })),
);

test("a cron fires at the first minute that all its fields want, and at no other", () => {
  const input = fc.record({
    minutes: part(0, 59),
    hours: part(0, 23),
    day,
    months: part(1, 12, MONTHS),
    after: fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2032, 0, 1) }),
  });
  fc.assert(
    fc.property(input, ({ minutes, hours, day, months, after }) => {
      const expression = `cron(${minutes.text} ${hours.text} ${day.text.replace("M", months.text)} *)`;
      const schedule = parseSchedule(expression);
      expect(parseSchedule(schedule.expression).next(after)).toBe(schedule.next(after));

      const fits = (time: number) => {
        const date = new Date(time);
        const rightTime = minutes.values.has(date.getUTCMinutes()) && hours.values.has(date.getUTCHours());
        return rightTime && months.values.has(date.getUTCMonth() + 1) && day.fits(date);
      };
      const next = schedule.next(after);
      if (next !== undefined) {
        expect(next).toBeGreaterThan(after);
        expect(next % MINUTE).toBe(0);
        expect(fits(next)).toBe(true);
      }
      // Every minute of the next four days.
      const walkEnd = after + 4 * DAY;
      for (let time = (Math.floor(after / MINUTE) + 1) * MINUTE; time <= walkEnd; time += MINUTE) {
        if (time === next) return;
        if (fits(time)) expect.fail(`${expression} passed over ${new Date(time).toISOString()}`);
      }
      // Further away, every day, at the first time of day that is wanted.
      const timeOfDay = Math.min(...hours.values) * HOUR + Math.min(...minutes.values) * MINUTE;
      const dayEnd = Math.min(next ?? Number.POSITIVE_INFINITY, walkEnd + 800 * DAY);
      for (let time = Math.floor(walkEnd / DAY) * DAY + DAY + timeOfDay; time < dayEnd; time += DAY) {
        if (fits(time)) expect.fail(`${expression} passed over ${new Date(time).toISOString()}`);
      }
    }),
    { numRuns: 500 },
  );
});
