import type { Clock, TimerKind } from "./clock.ts";

export interface VirtualClockOptions {
  /** Where time begins: a Date, milliseconds since the epoch, or ISO-8601 text. Default: 2026-01-01T00:00:00Z. */
  readonly start?: Date | number | string;
}

/** The kinds that are a reason to jump. */
const JUMPED_TO: ReadonlySet<TimerKind> = new Set(["wait", "retry"]);

interface Timer {
  readonly at: number;
  readonly kind: TimerKind;
  fire(): void;
}

/**
 * Time that stands still while tracked work runs, and jumps to the next "wait" or "retry" timer as soon as none does.
 *
 * A "timeout" is never a reason to jump, or a handler that takes a real moment would time out at once; nor is a
 * "schedule", which comes again for ever. They fire when a jump or `advance` passes them.
 */
export class VirtualClock implements Clock {
  #now: number;
  /** In the order they fire: by time, then by age. */
  readonly #timers: Timer[] = [];
  #running = 0;
  #jumpPlanned = false;

  constructor(options: VirtualClockOptions = {}) {
    this.#now = new Date(options.start ?? "2026-01-01T00:00:00Z").getTime();
  }

  now(): number {
    return this.#now;
  }

  sleep(milliseconds: number, kind: TimerKind, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve(false);
      const abort = () => {
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        resolve(false);
      };
      const timer: Timer = {
        at: this.#now + Math.max(0, milliseconds),
        kind,
        fire: () => {
          signal?.removeEventListener("abort", abort);
          resolve(true);
        },
      };
      const later = this.#timers.findIndex((other) => other.at > timer.at);
      this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer);
      signal?.addEventListener("abort", abort, { once: true });
      this.#planJump();
    });
  }

  async track<T>(work: Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work;
    } finally {
      this.#running--;
      this.#planJump();
    }
  }

  /**
   * Moves time forward by `milliseconds`, whether or not work is running, and fires every timer on the way in its order,
   * timeouts too. Between two timers whoever waited for the first one gets to run.
   */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await turn();
    while (this.#timers[0] !== undefined && this.#timers[0].at <= end) {
      this.#fireNext();
      await turn();
    }
    this.#now = Math.max(this.#now, end);
  }

  #planJump(): void {
    if (this.#jumpPlanned) return;
    this.#jumpPlanned = true;
    // After every promise that can settle now has settled: only then is it known that nobody works.
    setImmediate(() => {
      this.#jumpPlanned = false;
      if (this.#running > 0 || !this.#timers.some((timer) => JUMPED_TO.has(timer.kind))) return;
      this.#fireNext();
      this.#planJump();
    });
  }

  #fireNext(): void {
    const timer = this.#timers.shift();
    if (timer === undefined) return;
    this.#now = Math.max(this.#now, timer.at);
    timer.fire();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
