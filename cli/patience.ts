import { setTimeout as sleep } from "node:timers/promises";
import { RotationError } from "../core/errors.ts";
import { explain } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";
import type { Session } from "./session.ts";

/** After a look that failed, in milliseconds; twice as long after each that follows. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** So long no look at all may succeed. */
const GIVE_UP_MS = 15 * 60_000;

/**
 * Looks at something that goes on by itself, for hours perhaps: that AWS has no room or cannot be reached now and then is no reason to
 * let go of it. Undefined: none has succeeded by `endsAt`.
 *
 * @throws what the look throws, where waiting does not help; how to come back is said before
 */
export async function patiently<T>(
  { output, signal }: Session,
  run: string,
  endsAt: number,
  look: () => Promise<T>,
): Promise<T | undefined> {
  const begun = Date.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await look();
    } catch (error) {
      if (!isPassing(error) || Date.now() - begun > GIVE_UP_MS) {
        output.warn(`What was asked for goes on unwatched. To come back: rotor watch ${run}`);
        throw error;
      }
      if (pauseMs === FIRST_PAUSE_MS)
        output.say(`${explain(error).message} It is looked at again, and goes on meanwhile.`);
    }
    if (Date.now() >= endsAt) return undefined;
    await sleep(Math.min(pauseMs, endsAt - Date.now()), undefined, { signal }).catch(() => {});
  }
}

// --- internal ---

/** Credentials that have expired come back by nobody's waiting. */
function isPassing(error: unknown): boolean {
  const isBusy = error instanceof RotationError && (error.name === "Throttled" || error.name === "ServiceUnavailable");
  return isBusy && explain(error).exit !== EXIT.environment;
}
