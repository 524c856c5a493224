import type { Run, Step } from "../../core/history.ts";
import type { DefinedState } from "./definition.ts";
import { numberOf } from "./payload.ts";
import { nextTry } from "./retry-policy.ts";
import { timelineOf } from "./timeline.ts";
import { duration } from "./words.ts";

/**
 * What goes on by itself, and when, by the keys of the timeline's rows and by states' names: "next try in 3 s". The time is the
 * definition's: AWS draws one within it where it is told to. Pure.
 *
 * @param variables the workflow's, which a Wait may take its seconds from
 */
export function notesOf(
  run: Run,
  states: ReadonlyMap<string, DefinedState>,
  variables: Readonly<Record<string, unknown>>,
  now: Date,
): ReadonlyMap<string, string> {
  const notes = new Map<string, string>();
  if (run.status !== "RUNNING") return notes;
  for (const { key, depth, steps } of timelineOf(run, now, new Set())) {
    const said = steps.map((step) => noteOf(step, states.get(step.name), variables, now)).findLast(Boolean);
    if (said === undefined) continue;
    notes.set(key, said);
    if (depth === 0) notes.set(steps[0]?.name ?? key, said);
  }
  return notes;
}

// --- internal ---

function noteOf(
  step: Step,
  state: DefinedState | undefined,
  variables: Readonly<Record<string, unknown>>,
  now: Date,
): string | undefined {
  if (state === undefined) return undefined;
  const last = step.attempts.at(-1);
  if (step.status === "waiting-to-retry" && last?.endedAt !== undefined) {
    const next = nextTry(state.body, step.attempts);
    if (next === undefined) return "waits for the next try";
    const leftMs = last.endedAt.getTime() + next.afterMs - now.getTime();
    return `next try ${leftMs > 0 ? `${next.atMost ? "within" : "in"} ${seconds(leftMs)}` : "now"}`;
  }
  if (step.status === "running" && step.type === "Wait") {
    const leftMs = waitMs(state, variables, step.startedAt, now);
    return leftMs === undefined || step.entries > 1
      ? "waits"
      : `goes on ${leftMs > 0 ? `in ${seconds(leftMs)}` : "now"}`;
  }
  return undefined;
}

/** Of the forms that tell by themselves: a number of seconds, a time, or one variable. */
function waitMs(
  { body }: DefinedState,
  variables: Readonly<Record<string, unknown>>,
  since: Date,
  now: Date,
): number | undefined {
  const given = body["Seconds"];
  const variable = typeof given === "string" ? /^\{%\s*\$(\w+)\s*%\}$/.exec(given)?.[1] : undefined;
  const wait = numberOf(variable === undefined ? given : variables[variable]);
  if (wait !== undefined) return since.getTime() + wait * 1000 - now.getTime();
  const until = Date.parse(String(body["Timestamp"]));
  return Number.isNaN(until) ? undefined : until - now.getTime();
}

/** Whole seconds, upwards: what is said to come in 0 s has come. */
function seconds(milliseconds: number): string {
  const whole = Math.ceil(milliseconds / 1000);
  return whole < 60 ? `${whole} s` : duration(whole * 1000);
}
