import { type ErrorName, RotationError, TERMINAL } from "../errors.ts";
import type { Execution } from "../executions.ts";

/** The error that tells Secrets Manager how the execution of this token, or the repair that counts, ended. */
export function failedExecution(secret: string, { name, error, outcome, status, facts }: Execution): RotationError {
  const end = error ?? outcome ?? status;
  const known = (TERMINAL as readonly string[]).includes(end);
  const because = typeof facts["error"] === "string" ? ` after ${facts["error"]}` : "";
  return new RotationError(
    known ? (end as ErrorName) : "InternalError",
    `Execution ${name} of ${secret} ended ${end}${because}. Its notification says what is true now.`,
  );
}
