import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DAYS,
  type FreezePeriod,
  freezePeriod,
  nextOpening,
  type RotationWindow,
  rotationWindow,
} from "../../core/windows.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const at = (time: string) => Date.parse(time);
const window = (timeZone: string, from: string, to: string, days?: readonly string[]) =>
  rotationWindow.parse({ timeZone, from, to, ...(days && { days }) });
const freeze = (from: string, to: string, reason = "year end") => freezePeriod.parse({ from, to, reason });

/** When it opens, as an ISO time; "open" if it is. */
function opening(now: string, windows: readonly RotationWindow[], freezes: readonly FreezePeriod[] = []) {
  const found = nextOpening(at(now), windows, freezes);
  if (found.open) return "open";
  return found.opensAtMs === undefined ? "never" : new Date(found.opensAtMs).toISOString();
}

describe("a rotation may begin", () => {
  test("always, where neither windows nor freeze periods are declared", () => {
    expect(opening("2025-01-01T00:00:00Z", [])).toBe("open");
  });

  test.each([
    ["at the first instant of a window", "2025-01-15T01:00:00Z", "open"],
    ["at the last millisecond of a window", "2025-01-15T02:59:59.999Z", "open"],
    ["not at its end: then on the next day", "2025-01-15T03:00:00Z", "2025-01-16T01:00:00.000Z"],
    ["not a millisecond before it", "2025-01-15T00:59:59.999Z", "2025-01-15T01:00:00.000Z"],
  ])("%s", (_what, now, expected) => {
    expect(opening(now, [window("Europe/Vienna", "02:00", "04:00")])).toBe(expected);
  });

  test("only on the days of the window, which are the place's days", () => {
    const tuesday = [window("Asia/Tokyo", "02:00", "04:00", ["TUE"])];
    expect(opening("2025-01-13T16:59:00Z", tuesday)).toBe("2025-01-13T17:00:00.000Z");
    expect(opening("2025-01-13T19:00:00Z", tuesday)).toBe("2025-01-20T17:00:00.000Z");
  });

  test("past midnight, in the window of the day before", () => {
    const friday = [window("UTC", "22:00", "02:00", ["FRI"])];
    expect(opening("2025-01-18T01:59:00Z", friday)).toBe("open");
    expect(opening("2025-01-18T02:00:00Z", friday)).toBe("2025-01-24T22:00:00.000Z");
    expect(opening("2025-01-17T01:00:00Z", friday)).toBe("2025-01-17T22:00:00.000Z");
  });

  test("for a whole day, where a window ends when it begins", () => {
    const monday = [window("UTC", "06:00", "06:00", ["MON"])];
    expect(opening("2025-01-14T05:59:59.999Z", monday)).toBe("open");
    expect(opening("2025-01-14T06:00:00Z", monday)).toBe("2025-01-20T06:00:00.000Z");
  });

  test("in the earliest of several windows", () => {
    const both = [window("America/New_York", "02:00", "03:00"), window("Europe/Vienna", "02:00", "03:00")];
    expect(opening("2025-01-15T00:00:00Z", both)).toBe("2025-01-15T01:00:00.000Z");
    expect(opening("2025-01-15T02:00:00Z", both)).toBe("2025-01-15T07:00:00.000Z");
  });

  test("not in a freeze period, though the window is open", () => {
    const windows = [window("UTC", "02:00", "04:00")];
    const freezes = [freeze("2025-12-20T00:00:00+01:00", "2026-01-02T03:00:00Z")];
    expect(opening("2025-12-19T23:00:00Z", windows, freezes)).toBe("2026-01-02T03:00:00.000Z");
    expect(opening("2025-12-25T00:00:00Z", [], freezes)).toBe("2026-01-02T03:00:00.000Z");
    expect(opening("2025-12-19T03:00:00Z", windows, freezes)).toBe("open");
  });

  test("not between two freeze periods that overlap", () => {
    const freezes = [
      freeze("2025-06-01T00:00:00Z", "2025-06-03T00:00:00Z"),
      freeze("2025-06-02T00:00:00Z", "2025-06-05T00:00:00Z"),
    ];
    expect(opening("2025-06-01T12:00:00Z", [], freezes)).toBe("2025-06-05T00:00:00.000Z");
  });

  test("never, if nothing opens within 400 days", () => {
    const freezes = [freeze("2025-01-01T00:00:00Z", "2030-01-01T00:00:00Z")];
    expect(opening("2025-01-01T00:00:00Z", [window("UTC", "02:00", "04:00")], freezes)).toBe("never");
    expect(opening("2029-01-01T00:00:00Z", [], freezes)).toBe("2030-01-01T00:00:00.000Z");
  });

  test("and why it may not is said", () => {
    const closed = [window("UTC", "02:00", "04:00")];
    const freezes = [freeze("2025-06-01T00:00:00Z", "2025-06-03T00:00:00Z", "release week")];
    const now = at("2025-06-01T00:00:00Z");
    expect(nextOpening(now, closed, [])).toMatchObject({ because: "it is outside the policy's windows" });
    expect(nextOpening(now, closed, freezes)).toMatchObject({ because: "a freeze period is on (release week)" });
  });
});

describe("where clocks change, a window", () => {
  test.each([
    [
      "begins at the end of the gap that skips its start",
      "Europe/Vienna",
      "02:30",
      "04:00",
      "2025-03-29T12:00:00Z",
      "2025-03-30T01:00:00.000Z",
    ],
    [
      "is left out if the gap leaves nothing of it",
      "Europe/Vienna",
      "02:00",
      "03:00",
      "2025-03-29T12:00:00Z",
      "2025-03-31T00:00:00.000Z",
    ],
    [
      "begins the first time that its start comes",
      "America/New_York",
      "01:30",
      "03:00",
      "2025-11-01T12:00:00Z",
      "2025-11-02T05:30:00.000Z",
    ],
    [
      "does not begin again the second time",
      "America/New_York",
      "01:15",
      "01:30",
      "2025-11-02T05:45:00Z",
      "2025-11-03T06:15:00.000Z",
    ],
    [
      "knows of a change of half an hour",
      "Australia/Lord_Howe",
      "02:15",
      "03:00",
      "2025-10-04T12:00:00Z",
      "2025-10-04T15:30:00.000Z",
    ],
    [
      "knows of a day without midnight",
      "America/Sao_Paulo",
      "00:00",
      "02:00",
      "2018-11-03T12:00:00Z",
      "2018-11-04T03:00:00.000Z",
    ],
    [
      "knows of seasons south of the equator",
      "Australia/Sydney",
      "02:00",
      "04:00",
      "2025-01-15T00:00:00Z",
      "2025-01-15T15:00:00.000Z",
    ],
  ])("%s", (_what, timeZone, from, to, now, expected) => {
    expect(opening(now, [window(timeZone, from, to)])).toBe(expected);
  });

  test("of a day that the date line skips opens for nothing", () => {
    // Samoa had no 30 December 2011, which would have been a Friday.
    expect(opening("2011-12-29T12:00:00Z", [window("Pacific/Apia", "09:00", "17:00", ["FRI"])])).toBe(
      "2012-01-05T19:00:00.000Z",
    );
  });
});

describe("against clocks that are read minute by minute", () => {
  /** Zones and instants around which their clocks change, or do not. */
  const places = [
    ["Europe/Vienna", "2025-03-30T01:00:00Z"],
    ["Europe/Vienna", "2025-10-26T01:00:00Z"],
    ["America/New_York", "2025-03-09T07:00:00Z"],
    ["America/New_York", "2025-11-02T06:00:00Z"],
    ["Australia/Sydney", "2025-04-05T16:00:00Z"],
    ["Australia/Sydney", "2025-10-04T16:00:00Z"],
    ["Australia/Lord_Howe", "2025-04-05T15:00:00Z"],
    ["Australia/Lord_Howe", "2025-10-04T15:30:00Z"],
    ["America/Sao_Paulo", "2018-11-04T03:00:00Z"],
    ["America/St_Johns", "2010-11-07T02:31:00Z"],
    ["Pacific/Apia", "2011-12-30T10:00:00Z"],
    ["Pacific/Kwajalein", "1993-08-21T12:00:00Z"],
    ["Asia/Kathmandu", "2025-06-01T00:00:00Z"],
    ["UTC", "2025-06-01T00:00:00Z"],
  ] as const;
  const time = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 1, 15, 30, 45, 59))
    .map(([hour, minute]) => `${`${hour}`.padStart(2, "0")}:${`${minute}`.padStart(2, "0")}`);
  const days = fc.subarray([...DAYS], { minLength: 1 });

  /** What the clocks read at every minute, as "2025-03-30T02:30". Shares no code with what is tested. */
  const clocks = new Map<string, readonly string[]>();
  function readClock(timeZone: string, firstMs: number, count: number): readonly string[] {
    const key = `${timeZone} ${firstMs} ${count}`;
    const known = clocks.get(key);
    if (known !== undefined) return known;
    const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
    const read = Array.from({ length: count }, (_, n) => format.format(firstMs + n * MINUTE).replace(" ", "T"));
    clocks.set(key, read);
    return read;
  }

  function walk({ timeZone, days, from, to }: RotationWindow, firstMs: number, count: number): readonly boolean[] {
    const clock = readClock(timeZone, firstMs, count);
    const open = new Array<boolean>(count).fill(false);
    const firstDay = at(`${clock[0]?.slice(0, 10)}T00:00:00Z`) - 2 * DAY;
    for (let day = firstDay; day < firstDay + count * MINUTE + 6 * DAY; day += DAY) {
      const date = new Date(day).toISOString().slice(0, 10);
      const dateOfEnd = new Date(to > from ? day : day + DAY).toISOString().slice(0, 10);
      if (!days.includes(DAYS[new Date(day).getUTCDay()] ?? "SUN")) continue;
      const start = clock.findIndex((each) => each >= `${date}T${from}`);
      const end = clock.findIndex((each) => each >= `${dateOfEnd}T${to}`);
      if (start >= 0) open.fill(true, start, Math.max(start, end < 0 ? count : end));
    }
    return open;
  }

  test("it opens at the first minute at which a window is open and no freeze period is on, and not before", () => {
    const before = 4 * 24 * 60;
    const after = 5 * 24 * 60;
    const scenario = fc.record({
      place: fc.constantFrom(...places),
      others: fc.array(fc.record({ days, from: time, to: time }), { minLength: 1, maxLength: 2 }),
      shift: fc.integer({ min: -36 * 60, max: 24 * 60 }),
      freezes: fc.array(fc.tuple(fc.integer({ min: -3000, max: 3000 }), fc.integer({ min: 1, max: 1500 })), {
        maxLength: 2,
      }),
      between: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(scenario, ({ place: [timeZone, change], others, shift, freezes, between }) => {
        const firstMs = at(change) - before * MINUTE;
        const count = before + after;
        const windows = others.map((each) => ({ timeZone, ...each }));
        const periods = freezes.map(([from, length]) =>
          freeze(
            new Date(at(change) + from * MINUTE).toISOString(),
            new Date(at(change) + (from + length) * MINUTE).toISOString(),
          ),
        );
        const walks = windows.map((each) => walk(each, firstMs, count));
        const isOpen = (minute: number) =>
          walks.some((each) => each[minute]) &&
          !freezes.some(([from, length]) => minute - before >= from && minute - before < from + length);
        const now = before + shift;
        let expected = now;
        while (expected < count && !isOpen(expected)) expected += 1;
        const nowMs = firstMs + now * MINUTE;
        const found = nextOpening(nowMs, windows, periods);
        const opensAtMs = found.open ? nowMs : (found.opensAtMs ?? Number.POSITIVE_INFINITY);
        // Beyond the walk nothing is known but that it is closed up to there.
        if (expected === count) {
          expect(opensAtMs).toBeGreaterThanOrEqual(firstMs + count * MINUTE);
          return;
        }
        expect(opensAtMs).toBe(firstMs + expected * MINUTE);
        expect(nextOpening(opensAtMs, windows, periods)).toEqual({ open: true });
        if (found.open) return;
        expect(nextOpening(opensAtMs - 1, windows, periods)).toMatchObject({ open: false, opensAtMs });
        const earlier = Math.floor(nowMs + (opensAtMs - 1 - nowMs) * between);
        expect(nextOpening(earlier, windows, periods)).toMatchObject({ open: false, opensAtMs });
      }),
      { numRuns: 150 },
    );
  });
});

describe("a declaration is refused, and the field named", () => {
  test.each([
    ["an unknown zone", { timeZone: "Europe/Wien2", from: "02:00", to: "04:00" }, "timeZone"],
    ["an offset instead of a zone", { timeZone: "+01:00", from: "02:00", to: "04:00" }, "timeZone"],
    ["no zone", { from: "02:00", to: "04:00" }, "timeZone"],
    ["an hour that there is not", { timeZone: "UTC", from: "24:00", to: "04:00" }, "from"],
    ["a time without zero", { timeZone: "UTC", from: "2:00", to: "04:00" }, "from"],
    ["no day", { timeZone: "UTC", days: [], from: "02:00", to: "04:00" }, "days"],
    ["an unknown day", { timeZone: "UTC", days: ["Monday"], from: "02:00", to: "04:00" }, "days"],
  ])("window: %s", (_what, input, field) => {
    expect(rotationWindow.safeParse(input).error?.issues[0]?.path[0]).toBe(field);
  });

  test.each([
    ["a time without an offset", { from: "2025-01-01T00:00:00", to: "2025-01-02T00:00:00Z", reason: "x" }, "from"],
    [
      "an end that is not after the start",
      { from: "2025-01-01T02:00:00+02:00", to: "2025-01-01T00:00:00Z", reason: "x" },
      "to",
    ],
    ["no reason", { from: "2025-01-01T00:00:00Z", to: "2025-01-02T00:00:00Z", reason: "" }, "reason"],
  ])("freeze period: %s", (_what, input, field) => {
    expect(freezePeriod.safeParse(input).error?.issues[0]?.path[0]).toBe(field);
  });
});
