import type { Schedule } from "./schedule.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** So many days that fire are looked at for two that follow each other: of a cron() that fires once a year more than a lifetime. */
const DAYS = 200;

/** When a cron() fires on the UTC day that `time` is in, in milliseconds since the epoch. Pure. */
export function openingsOf(schedule: Schedule, time: number): number[] {
  const midnight = Math.floor(time / DAY_MS) * DAY_MS;
  const openings: number[] = [];
  for (let at = schedule.next(midnight - 1); at !== undefined && at < midnight + DAY_MS; at = schedule.next(at)) {
    openings.push(at);
  }
  return openings;
}

/**
 * Whether two firings are less than `limitMs` apart, which is a day at most; of a cron() from `afterMs` on, over midnight, too.
 * Pure.
 */
export function firesTwiceWithin(schedule: Schedule, limitMs: number, afterMs = 0): boolean {
  if (schedule.intervalMs !== undefined) return schedule.intervalMs < limitMs;
  const first = schedule.next(afterMs);
  if (first === undefined) return false;
  // Every day that fires, fires at the same times.
  const openings = openingsOf(schedule, first);
  if (openings.some((at, index) => at - (openings[index - 1] ?? Number.NEGATIVE_INFINITY) < limitMs)) return true;
  const [earliest = first, latest = first] = [openings[0], openings.at(-1)];
  if (earliest + DAY_MS - latest >= limitMs) return false;
  let last = latest;
  for (let day = 0; day < DAYS; day++) {
    const next = schedule.next(last);
    if (next === undefined) return false;
    if (next - last < limitMs) return true;
    last = next + latest - earliest;
  }
  return false;
}
