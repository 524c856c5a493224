import { isRunning, outcomeOf } from "../core/executions.ts";
import { AWSCURRENT, describeSecret, holds } from "../core/versions/secret.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";
import type { FoundRun } from "./runs.ts";
import type { Session } from "./session.ts";

/**
 * A run is cancelled while it is at work and its version is not live, where it is a rotation of Rotor's own.
 * @throws CliError with the reason why not; RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function refuseStop({ clients }: Session, { execution, rotation }: FoundRun): Promise<void> {
  const { secretArn, secretName, token } = rotation;
  if (!isRunning(execution)) {
    const how = outcomeOf(execution).replaceAll("_", " ");
    throw new CliError(
      EXIT.nothingChanged,
      `Run ${execution.name} has ended (${how}): there is nothing to stop. Nothing was done.`,
    );
  }
  const whose = NOT_CANCELLED[rotation.mode];
  if (whose !== undefined) {
    throw new CliError(
      EXIT.nothingChanged,
      `Run ${execution.name} ${whose}. Nothing was done.`,
      `let it end: rotor watch ${execution.name}`,
    );
  }
  const { labels } = await describeSecret(clients.secretsManager, secretArn);
  if (holds(labels, token, AWSCURRENT)) {
    throw new CliError(
      EXIT.nothingChanged,
      `Version ${token} of ${secretName} is AWSCURRENT already: it cannot be cancelled any more. Nothing was done.`,
      `let it end (rotor watch ${execution.name}), then take it back: rotor roll-back ${execution.name}`,
    );
  }
}

// --- internal ---

/** What only puts right or follows what has happened has nothing to take back, by its mode. */
const NOT_CANCELLED: Readonly<Record<string, string>> = {
  repair: "is a repair, which cannot be cancelled: what it puts right would stay as it is",
  observed: "follows a rotation of somebody else's, which is not Rotor's to cancel",
};
