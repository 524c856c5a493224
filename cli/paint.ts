import type { ExecutionOutcome } from "../core/executions.ts";
import type { Colors } from "../core/terminal/run-text.ts";

/** An outcome in words, and in its colour: red asks for a person. */
export function paintOutcome(outcome: ExecutionOutcome, colors: Colors): string {
  const words = outcome.replaceAll("_", " ");
  switch (outcome) {
    case "RUNNING":
      return colors.cyan(words);
    case "SUCCEEDED":
      return colors.green(words);
    case "IGNORED":
      return colors.dim(words);
    case "REJECTED":
    case "ROLLED_BACK":
      return colors.yellow(words);
    case "NOT_CONVERGED":
    case "ROLLBACK_FAILED":
    case "DIED":
      return colors.red(words);
  }
}
