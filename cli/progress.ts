import { LiveOutput, type Screen } from "../core/terminal/live-output.ts";

/** Says how far a long read has come, in one line of a terminal that leaves nothing behind. Elsewhere, and when quiet, it is silent. */
export class Progress {
  readonly #line: LiveOutput | undefined;

  constructor(screen: Screen, isQuiet: boolean) {
    this.#line = isQuiet ? undefined : new LiveOutput(screen);
  }

  say(text: string): void {
    this.#line?.show([`${text} ...`]);
  }

  /** Before anything else is written. May be repeated. */
  clear(): void {
    this.#line?.show([]);
  }
}
