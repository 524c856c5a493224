import { ViewError } from "../view/source.ts";
import { CliError, explain } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";

/** What is said of a thrown value, as the commands say it, for whoever looks at a page. */
export function toViewError(error: unknown): ViewError {
  if (error instanceof ViewError) return error;
  const { exit, message, todo, runbook } = explain(error);
  const isMissing = error instanceof CliError && (exit === EXIT.environment || exit === EXIT.usage);
  const lines = [todo, runbook].filter((each) => each !== undefined);
  return new ViewError(isMissing ? 404 : 502, message, lines.length === 0 ? null : lines.join("; "));
}
