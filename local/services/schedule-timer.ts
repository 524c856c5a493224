import type { Clock } from "../clock.ts";

/**
 * Calls `fire` at each time that `next` names, on the account's clock, until it names none or `signal` aborts. `next` is
 * given the present, and is asked again after each firing: times that passed while the machine slept come once.
 */
export async function onSchedule(
  clock: Clock,
  next: (now: number) => number | undefined,
  fire: () => void,
  signal: AbortSignal,
): Promise<void> {
  for (let at = next(clock.now()); at !== undefined; at = next(clock.now())) {
    if (!(await clock.sleep(at - clock.now(), "schedule", signal)) || signal.aborted) return;
    fire();
  }
}
