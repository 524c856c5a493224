/**
 * The clocks of a time zone, by the zone data of the runtime. A local time is written as the milliseconds since the epoch at
 * which it would be in UTC.
 */

/** Further from an instant than any change of clocks can move it: places have skipped, and repeated, a whole day. */
const FAR_MS = 48 * 60 * 60 * 1000;

/** Whether it is the IANA name of a zone that the runtime knows; a bare offset is none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    return formatOf(name) !== undefined;
  } catch {
    return false;
  }
}

/** What the clocks read at an instant, to the second and below. */
export function localTimeAt(timeZone: string, ms: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(ms)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((ms % 1000) + 1000) % 1000);
}

/**
 * The first instant at which the clocks read this local time or a later one: the end of the gap if they skip it, the first of
 * two if they read it twice.
 */
export function firstInstantAt(timeZone: string, local: number): number {
  // Around one change of clocks there are two offsets, and so at most two instants at which they can read it.
  const candidates = [local - FAR_MS, local + FAR_MS]
    .map((ms) => local - (localTimeAt(timeZone, ms) - ms))
    .sort((a, b) => a - b);
  const exact = candidates.find((ms) => localTimeAt(timeZone, ms) === local);
  if (exact !== undefined) return exact;
  let [before = local, after = local] = candidates;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (localTimeAt(timeZone, middle) < local) before = middle;
    else after = middle;
  }
  return after;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws RangeError when there is no such zone */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const numeric = "numeric";
  const fields = {
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  } as const;
  const format = new Intl.DateTimeFormat("en-US-u-ca-iso8601", { timeZone, hourCycle: "h23", ...fields });
  formats.set(timeZone, format);
  return format;
}
