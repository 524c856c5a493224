import type { Colors } from "../../core/terminal/run-text.ts";

/** What has to be true at the end of the demo, each looked at for real. */
export class Expectations {
  readonly #all: { readonly what: string; readonly holds: boolean }[] = [];

  /** @returns the line that says so */
  check(what: string, holds: boolean, colors: Colors): string {
    this.#all.push({ what, holds });
    return holds ? `${colors.green("✓")} ${what}` : `${colors.red("✗")} ${colors.red(`not so: ${what}`)}`;
  }

  get total(): number {
    return this.#all.length;
  }

  get failed(): readonly string[] {
    return this.#all.filter(({ holds }) => !holds).map(({ what }) => what);
  }
}
