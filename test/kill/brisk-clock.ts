import { RealClock, type TimerKind } from "../../local/clock.ts";

const FASTER = 20;
const BEHIND_MS = 60 * 60 * 1000;

/**
 * Real time, but what only waits, such as the pause before a retry, waits a twentieth and finds that the whole time has passed. It
 * begins an hour behind the functions' own time, so that what reconcile leaves alone while it is young is old enough.
 */
export class BriskClock extends RealClock {
  #skippedMs = 0;

  override now(): number {
    return super.now() - BEHIND_MS + this.#skippedMs;
  }

  override async sleep(milliseconds: number, kind: TimerKind, signal?: AbortSignal): Promise<boolean> {
    if (kind !== "wait" && kind !== "retry") return await super.sleep(milliseconds, kind, signal);
    const due = this.now() + milliseconds;
    const isDue = await super.sleep(milliseconds / FASTER, kind, signal);
    if (isDue) this.#skippedMs += Math.max(0, due - this.now());
    return isDue;
  }
}
