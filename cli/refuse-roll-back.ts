import { isRunning, outcomeOf } from "../core/executions.ts";
import { AWSCURRENT, AWSPREVIOUS, describeSecret, holderOf, holds } from "../core/versions/secret.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";
import type { FoundRun } from "./runs.ts";
import type { Session } from "./session.ts";

/**
 * A run is taken back where its version is live, and the one before it is known.
 * @throws CliError with the reason why not; RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function refuseRollBack({ clients }: Session, { execution, rotation }: FoundRun): Promise<void> {
  const { secretArn, secretName, token } = rotation;
  const outcome = outcomeOf(execution);
  if (isRunning(execution)) {
    throw new CliError(
      EXIT.nothingChanged,
      `Run ${execution.name} is at work. Nothing was done.`,
      `cancel it: rotor stop ${execution.name}`,
    );
  }
  if (outcome !== "SUCCEEDED" && outcome !== "NOT_CONVERGED") {
    throw new CliError(
      EXIT.nothingChanged,
      `Run ${execution.name} ended ${outcome.replaceAll("_", " ")}: nothing of it is live that could be taken back. Nothing was done.`,
      outcome === "DIED" || outcome === "ROLLBACK_FAILED" ? `see what it left: rotor doctor ${secretName}` : undefined,
    );
  }
  const { labels } = await describeSecret(clients.secretsManager, secretArn);
  if (!holds(labels, token, AWSCURRENT)) {
    throw new CliError(
      EXIT.nothingChanged,
      `Version ${token} of ${secretName} is not AWSCURRENT any more: it is not live. Nothing was done.`,
    );
  }
  if (holderOf(labels, AWSPREVIOUS) === undefined) {
    throw new CliError(
      EXIT.nothingChanged,
      `${secretName} has no AWSPREVIOUS: the version before ${token} is not known any more. Nothing was done.`,
    );
  }
}
