import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { Events } from "./events.ts";
import { CURRENT } from "./labels.ts";
import type { Secret } from "./store.ts";
import type { NewValue } from "./versions.ts";

export interface OwnerRotationsOptions {
  readonly clock: Clock;
  readonly events: Events;
  readonly write: (secret: Secret, value: NewValue) => void;
}

export interface OwnerRotations {
  /** Begins the owner's rotation in the background: the version `token` becomes AWSCURRENT, or nothing changes. */
  start(secret: Secret, token: string): void;
  isRunning(secret: Secret): boolean;
  idle(): Promise<void>;
  /** Begins no more, and lets none that runs write. */
  stop(): void;
}

/**
 * Managed rotation, which has no function and no steps: the owner changes the credential and the value, once. What the
 * owner does is the secret's `rotate`; without one the JSON gets a fresh "password".
 */
export function createOwnerRotations({ clock, events, write }: OwnerRotationsOptions): OwnerRotations {
  const running = new Map<Secret, Promise<void>>();
  let stopped = false;

  async function rotate(secret: Secret, token: string): Promise<void> {
    events.rotation("RotationStarted", secret, token);
    try {
      const SecretString = await clock.track(nextValue(secret));
      if (stopped || secret.deletionDate !== undefined) return;
      write(secret, { token, value: { SecretString }, labels: [CURRENT] });
    } catch {
      events.rotation("RotationFailed", secret, token, "The service that manages the secret could not rotate it.");
      return;
    }
    secret.lastRotated = clock.now();
    events.rotation("RotationSucceeded", secret, token);
  }

  return {
    start(secret, token) {
      if (stopped) return;
      // The reply to RotateSecret and its API event come first.
      const work = Promise.resolve()
        .then(() => rotate(secret, token))
        .finally(() => running.delete(secret));
      running.set(secret, work);
    },
    isRunning: (secret) => running.has(secret),
    async idle() {
      while (running.size > 0) await Promise.all(running.values());
    },
    stop() {
      stopped = true;
    },
  };
}

async function nextValue({ versions, labels, rotateByOwner = withFreshPassword }: Secret): Promise<string> {
  const current = versions.get(labels.get(CURRENT) ?? "")?.value;
  return rotateByOwner(current !== undefined && "SecretString" in current ? current.SecretString : "");
}

/** As long as the passwords that RDS makes. */
function withFreshPassword(current: string): string {
  return JSON.stringify({ ...JSON.parse(current), password: randomBytes(21).toString("base64url") });
}
