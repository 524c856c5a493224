import type { Run } from "../history.ts";
import type { LiveOutput } from "./live-output.ts";
import { type Colors, renderSteps } from "./run-text.ts";

/** Shows several executions at once: each step stays once it has ended, and until then it is shown as it changes. */
export class StepsView {
  readonly #output: LiveOutput;
  readonly #colors: Colors;
  readonly #written = new Map<string, Set<string>>();
  readonly #tails = new Map<string, readonly string[]>();

  constructor(output: LiveOutput, colors: Colors) {
    this.#output = output;
    this.#colors = colors;
  }

  /** @param label what the execution is called at the start of its lines */
  update(label: string, run: Run): void {
    const written = this.#written.get(label) ?? new Set();
    this.#written.set(label, written);
    const prefixed = (line: string) => `  ${this.#colors.dim(label)}  ${line}`;
    const steps = renderSteps(run, this.#colors);
    const fresh = steps.filter(({ name, ended }) => ended && !written.has(name));
    for (const { name } of fresh) written.add(name);
    this.#tails.set(
      label,
      steps.filter(({ ended }) => !ended).flatMap(({ lines }) => lines.map(prefixed)),
    );
    if (fresh.length > 0) this.#output.append(...fresh.flatMap(({ lines }) => lines.map(prefixed)));
    this.#output.show([...this.#tails.values()].flat());
  }
}
