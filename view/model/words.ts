/** Whole ms below a second, then tenths of seconds, minutes, hours, days. Pure. */
export function duration(milliseconds: number | undefined): string {
  if (milliseconds === undefined || !Number.isFinite(milliseconds)) return "";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return both(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  if (minutes < 48 * 60) return both(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return both(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** "3 min ago", "in 30 d"; the largest unit only. */
export function distance(at: Date, now: Date): string {
  const milliseconds = at.getTime() - now.getTime();
  const size = Math.abs(milliseconds) / 1000;
  const [count, unit] =
    size < 60
      ? [size, "s"]
      : size < 3600
        ? [size / 60, "min"]
        : size < 48 * 3600
          ? [size / 3600, "h"]
          : [size / 86_400, "d"];
  const text = `${Math.floor(count)} ${unit}`;
  return milliseconds > 0 ? `in ${text}` : `${text} ago`;
}

/** "2026-11-23 02:00:20", in the reader's time zone. */
export function clock(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${timeOfDay(at)}`;
}

export function timeOfDay(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? noun : plural}`;
}

/** "ROLLED_BACK" as people read it. */
export function plain(name: string): string {
  return name.replaceAll("_", " ").toLowerCase();
}

/** The first block of a version id. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

// --- internal ---

function both(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
