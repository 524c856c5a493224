import type { Environment, StartEnvironment } from "../../../local/services/lambda-environment.ts";
import { VirtualClock } from "../../../local/virtual-clock.ts";

/** Jumps as a virtual clock does, and goes on in between as real time does: a real target tells ages of sessions by its own clock. */
export class FlowingClock extends VirtualClock {
  readonly #begun = performance.now();

  override now(): number {
    return super.now() + Math.floor(performance.now() - this.#begun);
  }
}

/**
 * No time jumps while a function is at work, also if nobody waits for it any more: in real time the step of an execution that was
 * stopped would go on when that of its repair begins, minutes later. Only the gate, which waits for others, is not waited for.
 */
export function holdingTime(start: StartEnvironment, clock: VirtualClock): StartEnvironment {
  return (options) => {
    const environment = start(options);
    if (options.functionName.startsWith("gate")) return environment;
    const run: Environment["run"] = (invocation) => clock.track(environment.run(invocation));
    return Object.create(environment, { run: { value: run } }) as Environment;
  };
}
