import type { Execution } from "../core/executions.ts";
import { clean } from "../core/notifications/text.ts";

/** What is known of an execution that no end of ours has ended, and what follows. */
export function explainDeath({ status, error }: Execution): string {
  const how =
    { ABORTED: "it was stopped", TIMED_OUT: "it timed out" }[status as "ABORTED" | "TIMED_OUT"] ?? "it failed";
  const why = error === undefined ? "" : ` (${clean(error, 200)})`;
  return `Production may be broken: ${how}${why} before it had an outcome. A repair puts right what it left: dispatch starts one by itself, and rotor repair asks for one.`;
}
