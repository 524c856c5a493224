import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";
import type { FixtureEvent } from "./fixtures.ts";

/** The event with fields set as "path=value" says: a value that is JSON is taken as that, any other as a text. @throws CliError */
export function override(event: FixtureEvent, given: unknown): FixtureEvent {
  const changed = structuredClone(event) as unknown as Record<string, unknown>;
  for (const each of Array.isArray(given) ? (given as readonly string[]) : []) {
    const at = each.indexOf("=");
    if (at < 1) throw new CliError(EXIT.usage, `--override takes path=value, not "${each}".`);
    set(changed, each.slice(0, at).split("."), parse(each.slice(at + 1)));
  }
  return changed as unknown as FixtureEvent;
}

// --- internal ---

function set(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first = "", ...rest] = path;
  if (rest.length === 0) {
    Object.defineProperty(target, first, { value, enumerable: true, configurable: true, writable: true });
    return;
  }
  const inner = Object.hasOwn(target, first) ? target[first] : undefined;
  const next = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : {};
  Object.defineProperty(target, first, { value: next, enumerable: true, configurable: true, writable: true });
  set(next, rest, value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
