import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firesTwiceWithin } from "../../core/firings.ts";
import { parseSchedule } from "../../core/schedule.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

describe("two firings of a schedule that are too close", () => {
  test.each([
    ["rate(5 minutes)", 5, false],
    ["rate(5 minutes)", 6, true],
    ["cron(0 2 ? * * *)", 24 * 60, false],
    ["cron(0 0,23 ? * SUN *)", 4 * 60, false],
    ["cron(0 0,23 ? * SUN,MON *)", 4 * 60, true],
    // 31 January and 1 February are the only days that follow each other.
    ["cron(0 0,23 1,31 1,2 ? *)", 4 * 60, true],
    ["cron(0 2 31 2 ? *)", 4 * 60, false],
    ["cron(0 2 1 1 ? 1999)", 4 * 60, false],
  ])("%s within %i minutes: %s", (expression, minutes, expected) => {
    expect(firesTwiceWithin(parseSchedule(expression), minutes * MINUTE_MS)).toBe(expected);
  });

  test("are not those before the time that counts", () => {
    const schedule = parseSchedule("cron(0,10 2 ? * * 2024)");
    expect(firesTwiceWithin(schedule, 15 * MINUTE_MS, Date.UTC(2023, 5, 1))).toBe(true);
    expect(firesTwiceWithin(schedule, 15 * MINUTE_MS, Date.UTC(2025, 5, 1))).toBe(false);
  });

  test("are found as by looking at every firing", () => {
    const some = (most: number, least = 0) =>
      fc.uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 3 }).map((all) => all.join());
    const limits = fc.integer({ min: 1, max: 24 * 60 });
    fc.assert(
      fc.property(some(59), some(23), some(7, 1), limits, (minutes, hours, days, limit) => {
        const schedule = parseSchedule(`cron(${minutes} ${hours} ? * ${days} *)`);
        const firings: number[] = [];
        // Two weeks have every pair of days.
        for (let at = schedule.next(0); at !== undefined && at < 15 * DAY_MS; at = schedule.next(at)) firings.push(at);
        const close = firings.some((at, index) => index > 0 && at - (firings[index - 1] ?? 0) < limit * MINUTE_MS);
        expect(firesTwiceWithin(schedule, limit * MINUTE_MS)).toBe(close);
      }),
      { numRuns: 200 },
    );
  });
});
