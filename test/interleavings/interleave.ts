import { type Arena, openArena } from "./arena.ts";
import { play, type Report } from "./play.ts";
import { RETRY_FORMS, type Scenario } from "./scenario.ts";
import type { Target } from "./target.ts";

export interface Interleaving {
  readonly target: Target;
  readonly bundles: Readonly<Record<string, string>>;
  /** In any order; those of one retry form share an account. */
  readonly scenarios: readonly Scenario[];
}

/** What came of all runs. */
export interface Summary {
  readonly runs: number;
  /** How often executions ended so. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** The runs in which a promise was broken. */
  readonly failed: readonly Report[];
}

/** An account remembers everything, so after so many runs a fresh one is opened. */
const RUNS_PER_ACCOUNT = 150;

export async function interleave({ target, bundles, scenarios }: Interleaving): Promise<Summary> {
  const begunAt = performance.now();
  const outcomes: Record<string, number> = {};
  const failed: Report[] = [];
  for (const retryForm of RETRY_FORMS) {
    const all = scenarios.filter((scenario) => scenario.retryForm === retryForm);
    for (let from = 0; from < all.length; from += RUNS_PER_ACCOUNT) {
      await using arena: Arena = await openArena({ target, bundles, retryForm });
      for (const scenario of all.slice(from, from + RUNS_PER_ACCOUNT)) {
        const report = await play(arena, scenario);
        for (const outcome of report.outcomes) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        if (report.broken.length === 0) continue;
        failed.push(report);
        // At once: the suite takes long, and may be ended before its summary.
        console.log(explain([report]));
      }
    }
  }
  return { runs: scenarios.length, outcomes, seconds: (performance.now() - begunAt) / 1000, failed };
}

/** One line. */
export function say(what: string, { runs, outcomes, seconds, failed }: Summary): string {
  const ends = Object.entries(outcomes).sort(([, one], [, other]) => other - one);
  const rate = (runs / seconds).toFixed(1);
  return (
    `${what}: ${runs} runs, ${failed.length} with a broken promise, ` +
    `${ends.map(([outcome, times]) => `${times} ${outcome}`).join(", ")}, ${seconds.toFixed(0)} s (${rate}/s)`
  );
}

/** What has to be known to look into failed runs: all that was broken, and the course of the first. */
export function explain(failed: readonly Report[]): string {
  const first = failed[0];
  const seeds = failed.map(({ scenario, broken }) => `ROTOR_SEED=${scenario.seed}\n  ${broken.join("\n  ")}`);
  return [...seeds, JSON.stringify(first?.scenario), ...(first?.trace ?? [])].join("\n");
}
