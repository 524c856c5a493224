/** For people: local time with its zone. Documents have ISO 8601 in UTC. */
export function when(date: Date | undefined): string {
  if (date === undefined) return "-";
  const parts = new Intl.DateTimeFormat("en-GB", {
    ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
    timeZoneName: "short",
  }).formatToParts(date);
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("year")}-${of("month")}-${of("day")} ${of("hour")}:${of("minute")}:${of("second")} ${of("timeZoneName")}`;
}

/** How long ago, or in how long, in the one unit that tells most: "3 d ago", "in 5 h". */
export function distance(date: Date | undefined, now: Date): string {
  if (date === undefined) return "-";
  const ms = now.getTime() - date.getTime();
  const [size, unit] = UNITS.find(([each]) => Math.abs(ms) >= each) ?? [1000, "s"];
  const amount = `${Math.floor(Math.abs(ms) / size)} ${unit}`;
  return ms < 0 ? `in ${amount}` : `${amount} ago`;
}

const UNITS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
];
