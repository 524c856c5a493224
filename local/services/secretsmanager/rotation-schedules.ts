import type { Clock } from "../../clock.ts";
import { onSchedule } from "../schedule-timer.ts";
import { nextWindow } from "./schedule.ts";
import type { Secret } from "./store.ts";

export interface RotationSchedules {
  /** Begins, or begins again, to watch for the secret's windows. Windows that opened before `since`, by default now, are over. */
  arm(secret: Secret, since?: number): void;
  stop(): void;
}

/**
 * Calls `due` when a secret's rotation window opens: AWS rotates "at any time during the rotation window", this account at
 * its beginning. A secret whose rotation is off, or which is scheduled for deletion, is not watched any more.
 */
export function createRotationSchedules(clock: Clock, due: (secret: Secret) => void): RotationSchedules {
  const armed = new Map<Secret, AbortController>();

  return {
    arm(secret, since = clock.now()) {
      armed.get(secret)?.abort();
      const ended = new AbortController();
      armed.set(secret, ended);
      secret.watchedFrom = since;
      const opening = () => nextOpening(secret);
      const fire = () => {
        const opens = opening();
        // A value written in the meantime has moved the window.
        if (opens === undefined || opens > clock.now()) return;
        secret.watchedFrom = clock.now();
        due(secret);
      };
      void onSchedule(clock, opening, fire, ended.signal);
    },
    stop() {
      for (const ended of armed.values()) ended.abort();
    },
  };
}

function nextOpening({ rotationEnabled, rotationRules, deletionDate, scheduleFrom, watchedFrom = 0 }: Secret) {
  if (!rotationEnabled || rotationRules === undefined || deletionDate !== undefined) return undefined;
  return nextWindow(rotationRules, scheduleFrom, Math.max(watchedFrom, scheduleFrom))?.opens;
}
