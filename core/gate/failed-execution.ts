import { type ErrorName, RotationError, TERMINAL } from "../errors.ts";
import type { Execution } from "../executions.ts";

/** The error that tells Secrets Manager how the execution of this token (or its last repair) ended. */
export function failedExecution(secret: string, executions: readonly Execution[]): RotationError {
  const last = executions.at(-1);
  const error = last?.error ?? last?.outcome ?? last?.status ?? "unknown";
  const known = (TERMINAL as readonly string[]).includes(error);
  const because = typeof last?.facts["error"] === "string" ? ` after ${last.facts["error"]}` : "";
  return new RotationError(
    known ? (error as ErrorName) : "InternalError",
    `Execution ${last?.name ?? "unknown"} of ${secret} ended ${error}${because}. Its notification says what is true now.`,
  );
}
