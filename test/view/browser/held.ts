import { deriveToken, executionName } from "../../../core/identity.ts";
import { atStep, type StepName } from "../../support/step-faults.ts";
import type { TestSecret, World } from "../../support/world.ts";

export interface Held extends Disposable {
  /** It is held now. */
  readonly reached: Promise<void>;
  release(): void;
}

/** Holds a rotation just before a step's function runs for the first time, until it is released or disposed. */
export function holdAt(world: World, secret: TestSecret, step: StepName): Held {
  const [reached, released] = [signal(), signal()];
  const hook = atStep(world, secret, step, "before", () => {
    reached.give();
    return released.given;
  });
  return {
    reached: reached.given,
    release: released.give,
    [Symbol.dispose]() {
      released.give();
      hook[Symbol.dispose]();
    },
  };
}

/** Keeps the world's time where it is, so that what waits goes on waiting, until it is released or disposed. */
export function holdTime(world: World): Pick<Held, "release"> & Disposable {
  const released = signal();
  void world.clock.track(released.given);
  return { release: released.give, [Symbol.dispose]: released.give };
}

/** The run of a secret's first rotation, or of its next attempt, which nobody has asked for yet. */
export function runOf({ arn, firstVersion }: TestSecret, attempt = 1): string {
  return executionName(arn, deriveToken(arn, firstVersion, attempt));
}

// --- internal ---

function signal(): { readonly given: Promise<void>; give(): void } {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give: () => give() };
}
