import type { Attempt } from "../../core/history.ts";

/** One element of a state's Retry. What is absent has AWS's default. */
export interface Retrier {
  readonly errorEquals: readonly string[];
  readonly intervalSeconds: number;
  readonly backoffRate: number;
  readonly maxAttempts: number;
  /** undefined: no limit. */
  readonly maxDelaySeconds: number | undefined;
  /** Whether each pause is drawn by chance, up to what it would be. */
  readonly jitter: boolean;
}

/** When a state that has failed is tried again. */
export interface NextTry {
  /** From the end of the last attempt, in milliseconds. */
  readonly afterMs: number;
  /** Whether it may be sooner: the pause is drawn by chance. */
  readonly atMost: boolean;
}

/** The retriers of a state of a definition, which may be anybody's. Pure. */
export function retriersOf(state: unknown): readonly Retrier[] {
  const { Retry } = Object(state) as { readonly Retry?: unknown };
  return Array.isArray(Retry) ? Retry.map(readRetrier) : [];
}

/** "Throttled and 2 others: up to 4 more tries, after 2 s, then 2 times as long each, at most 60 s, with full jitter". Pure. */
export function retryInWords(retrier: Retrier): string {
  const { errorEquals, intervalSeconds, backoffRate, maxAttempts, maxDelaySeconds, jitter } = retrier;
  const errors = namesOf(errorEquals);
  if (maxAttempts === 0) return `${errors}: not tried again`;
  const grows = maxAttempts > 1 && backoffRate !== 1;
  return [
    `${errors}: up to ${maxAttempts} more ${maxAttempts === 1 ? "try" : "tries"}`,
    `after ${intervalSeconds} s${maxAttempts > 1 && !grows ? " each" : ""}`,
    ...(grows ? [`then ${backoffRate} times as long each`] : []),
    ...(grows && maxDelaySeconds !== undefined ? [`at most ${maxDelaySeconds} s`] : []),
    ...(jitter ? ["with full jitter"] : []),
  ].join(", ");
}

/**
 * When the state is tried again after the last of its attempts; undefined: it is not, or that has not failed. Of each visit to the state the
 * retriers count anew: a visit ends with a success, and with an error that is not tried again. Pure.
 *
 * @param state of the run's definition
 * @param attempts all of the state's, oldest first
 */
export function nextTry(state: unknown, attempts: readonly Attempt[]): NextTry | undefined {
  const retriers = retriersOf(state);
  let used = new Map<Retrier, number>();
  let next: NextTry | undefined;
  for (const { error } of attempts) {
    const retrier = error === undefined ? undefined : retriers.find((each) => matches(each, error));
    const times = retrier === undefined ? 0 : (used.get(retrier) ?? 0);
    if (retrier === undefined || times >= retrier.maxAttempts) {
      used = new Map();
      next = undefined;
      continue;
    }
    used.set(retrier, times + 1);
    const pause = Math.min(retrier.intervalSeconds * retrier.backoffRate ** times, retrier.maxDelaySeconds ?? Infinity);
    next = { afterMs: 1000 * pause, atMost: retrier.jitter };
  }
  return next;
}

// --- internal ---

/** AWS, "Handling errors in Step Functions workflows", Retrying after an error. */
function readRetrier(given: unknown): Retrier {
  const retrier = Object(given) as Readonly<Record<string, unknown>>;
  const number = (name: string) => {
    const value = retrier[name];
    return typeof value === "number" && value >= 0 ? value : undefined;
  };
  const errors = retrier["ErrorEquals"];
  return {
    errorEquals: Array.isArray(errors) ? errors.map(String) : [],
    intervalSeconds: number("IntervalSeconds") ?? 1,
    backoffRate: number("BackoffRate") ?? 2,
    maxAttempts: number("MaxAttempts") ?? 3,
    maxDelaySeconds: number("MaxDelaySeconds"),
    jitter: retrier["JitterStrategy"] === "FULL",
  };
}

function matches({ errorEquals }: Retrier, error: string): boolean {
  if (error === "States.Runtime") return false;
  // The wildcards do not reach it.
  if (error === "States.DataLimitExceeded") return errorEquals.includes(error);
  return errorEquals.some(
    (name) => name === error || name === "States.ALL" || (name === "States.TaskFailed" && error !== "States.Timeout"),
  );
}

/** So many are named. */
const NAMED = 2;

function namesOf(errors: readonly string[]): string {
  if (errors.includes("States.ALL")) return "any error";
  const more = errors.length - NAMED;
  if (more > 1) return `${errors.slice(0, NAMED).join(", ")} and ${more} others`;
  return errors.length > 1 ? `${errors.slice(0, -1).join(", ")} and ${errors.at(-1)}` : (errors[0] ?? "no error");
}
