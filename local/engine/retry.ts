import type { Retrier } from "./definition.ts";
import { matches, type StateFailure } from "./failure.ts";

/** AWS, "Handling errors in Step Functions workflows", Retrying after an error. */
const DEFAULTS = { MaxAttempts: 3, IntervalSeconds: 1, BackoffRate: 2 };

/** The retriers of one visit to a state. Each counts its own attempts; the first that matches an error decides. */
export class Retries {
  readonly #retriers: readonly Retrier[];
  readonly #used: number[];
  readonly #random: () => number;

  constructor(retriers: readonly Retrier[] | undefined, random: () => number) {
    this.#retriers = retriers ?? [];
    this.#used = this.#retriers.map(() => 0);
    this.#random = random;
  }

  /** Milliseconds to wait before the state runs again; undefined when it does not. Uses up an attempt. */
  delayAfter(failure: StateFailure): number | undefined {
    const index = this.#retriers.findIndex((retrier) => matches(retrier.ErrorEquals, failure));
    const retrier = this.#retriers[index];
    const used = this.#used[index] ?? 0;
    if (retrier === undefined || used >= (retrier.MaxAttempts ?? DEFAULTS.MaxAttempts)) return undefined;
    this.#used[index] = used + 1;
    const backoff =
      (retrier.IntervalSeconds ?? DEFAULTS.IntervalSeconds) * (retrier.BackoffRate ?? DEFAULTS.BackoffRate) ** used;
    const capped = Math.min(backoff, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
    return 1000 * (retrier.JitterStrategy === "FULL" ? capped * this.#random() : capped);
  }
}
