/**
 * What a timer is for. A virtual clock jumps over waits and retries by itself; a timeout or a schedule only fires on the
 * way.
 */
export type TimerKind = "wait" | "retry" | "timeout" | "schedule";

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves true when the time has come, false when `signal` aborted first. */
  sleep(milliseconds: number, kind: TimerKind, signal?: AbortSignal): Promise<boolean>;
  /** Marks real work, such as a running handler: virtual time stands still meanwhile. */
  track<T>(work: Promise<T>): Promise<T>;
}

/** setTimeout takes no longer delay: it fires at once instead. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** The machine's own time. */
export class RealClock implements Clock {
  now(): number {
    return Date.now();
  }

  sleep(milliseconds: number, _kind: TimerKind, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve(false);
      const due = Date.now() + milliseconds;
      let timer: NodeJS.Timeout | undefined;
      const abort = () => {
        clearTimeout(timer);
        resolve(false);
      };
      const arm = () => {
        const left = due - Date.now();
        if (left > 0) {
          timer = setTimeout(arm, Math.min(left, LONGEST_TIMEOUT));
          return;
        }
        signal?.removeEventListener("abort", abort);
        resolve(true);
      };
      signal?.addEventListener("abort", abort, { once: true });
      arm();
    });
  }

  track<T>(work: Promise<T>): Promise<T> {
    return work;
  }
}
