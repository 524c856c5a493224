/** What a timer is for. A virtual clock jumps over waits and retries by itself; timeouts only fire on the way. */
export type TimerKind = "wait" | "retry" | "timeout";

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves true when the time has come, false when `signal` aborted first. */
  sleep(milliseconds: number, kind: TimerKind, signal?: AbortSignal): Promise<boolean>;
  /** Marks real work, such as a running handler: virtual time stands still meanwhile. */
  track<T>(work: Promise<T>): Promise<T>;
}
