/** Undefined for what is no JSON, and for JSON nested more than 1,000 levels deep, which could not be kept and handed on everywhere. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isDeeperThan(value, MOST_LEVELS) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** A JSON object: neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// --- internal ---

/** Well under what the stack of a process takes at each place where a value is copied. */
const MOST_LEVELS = 1000;

/** Level by level: a recursion would end where the stack does. */
function isDeeperThan(value: unknown, most: number): boolean {
  let level = [value].filter(isNested);
  for (let levels = 0; level.length > 0; levels += 1) {
    if (levels === most) return true;
    level = level.flatMap((each) => Object.values(each)).filter(isNested);
  }
  return false;
}

function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
