import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import { EXIT } from "../../cli/exit-status.ts";
import { rotorLine } from "../docs/rotor-line.ts";

/** With these nothing was done: the command line was refused, there is no account, AWS or `rotor` itself failed. */
const REFUSED: readonly unknown[] = [null, EXIT.usage, EXIT.environment, EXIT.service, EXIT.general];

/** Notes that `rotor` was run with these words to its end, for `docs.suite.ts`. */
export function noteExecuted(words: readonly string[], status: number | null): void {
  if (REFUSED.includes(status)) return;
  appendFileSync(join(inject("executed"), String(process.pid)), `${JSON.stringify(words)}\n`);
}

/** The shapes of all command lines that the suite has run so far. */
export function executedShapes(): ReadonlySet<string> {
  const folder = inject("executed");
  const lines = readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), "utf8").trim().split("\n"));
  return new Set(lines.map((line) => rotorLine(JSON.parse(line)).shape));
}
