import type { Execution } from "../core/executions.ts";

/** What is known of an execution that no end of ours has ended, and what follows. */
export function explainDeath({ status, error }: Execution): string {
  const how =
    { ABORTED: "It was stopped", TIMED_OUT: "It timed out" }[status as "ABORTED" | "TIMED_OUT"] ?? "It failed";
  const why = error === undefined ? "" : ` (${error})`;
  return `Production may be broken: ${how.charAt(0).toLowerCase()}${how.slice(1)}${why} before it had an outcome. A repair puts right what it left: dispatch starts one by itself, and rotor repair asks for one.`;
}
