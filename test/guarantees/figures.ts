import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** One thing that was counted. */
export interface Figure {
  /** What was run, such as "every fault at every effect, native, one user, forward". It is the row's key. */
  readonly what: string;
  /** What was counted, and how many of them. */
  readonly counted: "runs" | "mutants" | "kills";
  readonly count: number;
  /** How many there are to choose from, where not all are run. */
  readonly of?: number;
  readonly violations: number;
  /** Whether another run counts the same; otherwise nearly the same. */
  readonly exact: boolean;
}

/**
 * Prints what was counted, and keeps it as JSON where ROTOR_FIGURES names a directory.
 * @param seconds how long it took
 */
export function tell(suite: string, figures: readonly Figure[], seconds: number): void {
  for (const { what, count, counted, of, violations } of figures) {
    const all = of === undefined || of === count ? `${count}` : `${count} of ${of}`;
    console.log(`${suite}: ${what}: ${all} ${counted}, ${violations} violations, ${seconds.toFixed(0)} s`);
  }
  const directory = process.env["ROTOR_FIGURES"];
  if (directory === undefined) return;
  for (const figure of figures) {
    const file = `${suite} ${figure.what}`.replace(/[^A-Za-z0-9]+/g, "-");
    writeFileSync(join(directory, `${file}.json`), JSON.stringify({ suite, ...figure }));
  }
}
