import * as z from "zod/mini";
import { firstInstantAt, isTimeZone, localTimeAt } from "./local-time.ts";

export const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] as const;

const timeOfDay = z.string().check(z.regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as "02:30"'));

/**
 * When driven rotations may begin, by the clocks of one place. A `to` that is not after `from` is on the day after: the window
 * goes past midnight, and belongs to the day on which it begins.
 *
 * Where clocks change, a window begins at the first instant, and ends before the first instant, at which they read its time or
 * a later one. So a start that is skipped is the end of the gap, and of a time that comes twice the first counts.
 */
export const rotationWindow = z.strictObject({
  /** IANA name, such as "Europe/Vienna". */
  timeZone: z.string().check(z.refine(isTimeZone, 'must be the IANA name of a time zone, such as "Europe/Vienna"')),
  days: z._default(z.array(z.enum(DAYS)).check(z.minLength(1)), [...DAYS]),
  from: timeOfDay,
  to: timeOfDay,
});
export type RotationWindow = z.infer<typeof rotationWindow>;

/** A moment, wherever it is written. */
export const instant = z.iso.datetime({
  offset: true,
  error: 'must be an ISO 8601 time with its offset, such as "2026-12-20T00:00:00+01:00" or "2026-12-20T00:00:00Z"',
});

/** When no driven rotation may begin, windows or not. `to` is the first instant after it. */
export const freezePeriod = z
  .strictObject({ from: instant, to: instant, reason: z.string().check(z.minLength(1), z.maxLength(256)) })
  .check(
    z.refine(({ from, to }) => Date.parse(to) > Date.parse(from), { path: ["to"], message: "must be later than from" }),
  );
export type FreezePeriod = z.infer<typeof freezePeriod>;

/** How long a window is open, in minutes of its clock. */
export function lengthOf({ from, to }: Pick<RotationWindow, "from" | "to">): number {
  return ((minutes(to) - minutes(from) + 24 * 60 - 1) % (24 * 60)) + 1;
}

/** What lies further in the future than this many days is not looked for. */
const HORIZON_DAYS = 400;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Whether a rotation may begin now, and else the first instant at which it may: undefined when there is none within 400 days.
 * No windows are always open. Pure.
 *
 * @param nowMs in milliseconds since the epoch
 */
export function nextOpening(
  nowMs: number,
  windows: readonly RotationWindow[],
  freezes: readonly FreezePeriod[],
):
  | { readonly open: true }
  | { readonly open: false; readonly opensAtMs: number | undefined; readonly because: string } {
  const opensAtMs = firstOpening(nowMs, windows, freezes);
  if (opensAtMs === nowMs) return { open: true };
  const freeze = freezeAt(nowMs, freezes);
  const because =
    freeze === undefined ? "it is outside the policy's windows" : `a freeze period is on (${freeze.reason})`;
  return { open: false, opensAtMs, because };
}

function firstOpening(
  nowMs: number,
  windows: readonly RotationWindow[],
  freezes: readonly FreezePeriod[],
): number | undefined {
  for (let ms = nowMs; ms <= nowMs + HORIZON_DAYS * DAY_MS; ) {
    const freeze = freezeAt(ms, freezes);
    const next = freeze === undefined ? openIn(ms, windows) : Date.parse(freeze.to);
    if (next === undefined || next === ms) return next;
    ms = next;
  }
  return undefined;
}

function freezeAt(ms: number, freezes: readonly FreezePeriod[]): FreezePeriod | undefined {
  return freezes.find(({ from, to }) => Date.parse(from) <= ms && ms < Date.parse(to));
}

/** The first instant, from `ms` on, at which a window is open. */
function openIn(ms: number, windows: readonly RotationWindow[]): number | undefined {
  if (windows.length === 0) return ms;
  const starts = windows.map((window) => nextStart(ms, window)).filter((start) => start !== undefined);
  return starts.length === 0 ? undefined : Math.max(ms, Math.min(...starts));
}

/** When the first day's window that ends after `ms` begins, be it before `ms` or after. */
function nextStart(ms: number, { timeZone, days, from, to }: RotationWindow): number | undefined {
  const today = Math.floor(localTimeAt(timeZone, ms) / DAY_MS) * DAY_MS;
  const length = lengthOf({ from, to });
  // From two days ago, because a window may go past midnight and a day may be skipped; a gap may leave nothing of a window.
  for (let day = today - 2 * DAY_MS; day <= today + 16 * DAY_MS; day += DAY_MS) {
    if (!days.includes(DAYS[new Date(day).getUTCDay()] ?? "SUN")) continue;
    const begins = day + minutes(from) * 60_000;
    const start = firstInstantAt(timeZone, begins);
    const end = firstInstantAt(timeZone, begins + length * 60_000);
    if (end > ms && end > start) return start;
  }
  return undefined;
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}
