import { isRunning, outcomeOf } from "../../core/executions.ts";
import { moveLabel } from "../../core/versions/move-label.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, holds } from "../../core/versions/secret.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { follow, WAIT_OPTIONS } from "../follow.ts";
import { findRun } from "../runs.ts";

/** Cancels: takes AWSPENDING off the candidate, which every step looks for. The workflow itself puts back what it has done. */
export const stop = defineCommand({
  usage: "stop <run>",
  summary: "cancel a rotation that has not been promoted: it takes back what it has done",
  options: WAIT_OPTIONS,
  examples: ["stop orders/db/app --wait --confirm orders/db/app"],
  async run(session, given) {
    const here = await session.announce();
    const { secretsManager } = session.clients;
    const { execution, rotation } = await findRun(session.clients, here, given.args[0] ?? "");
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
    const { labels } = await describeSecret(secretsManager, secretArn);
    if (holds(labels, token, AWSCURRENT)) {
      throw new CliError(
        EXIT.nothingChanged,
        `Version ${token} of ${secretName} is AWSCURRENT already: it cannot be cancelled any more. Nothing was done.`,
        `let it end (rotor watch ${execution.name}), then take it back: rotor roll-back ${execution.name}`,
      );
    }
    await session.confirm(`This cancels the rotation of ${secretName} that is running in ${here.stage}.`, secretName);
    // Where Secrets Manager rotates, AWSPENDING stays on a version that is live by now, and could be taken off.
    const now = await describeSecret(secretsManager, secretArn);
    if (holds(now.labels, token, AWSCURRENT)) {
      throw new CliError(
        EXIT.nothingChanged,
        `Version ${token} of ${secretName} has been promoted meanwhile: it cannot be cancelled any more. Nothing was done.`,
        `let it end (rotor watch ${execution.name}), then take it back: rotor roll-back ${execution.name}`,
      );
    }
    const moved = await moveLabel(secretsManager, { secretArn, label: AWSPENDING, from: token });
    if (moved === "refused") {
      throw new CliError(
        EXIT.nothingChanged,
        `AWSPENDING is not on version ${token} of ${secretName} (any more). Nothing was done.`,
        `see what it is doing: rotor show ${execution.name}`,
      );
    }
    session.output.say(`AWSPENDING was taken off version ${token}: the run ends at its next look.`);
    return await follow(session, here, given, {
      secret: { name: secretName, arn: secretArn },
      executionName: execution.name,
    });
  },
});

// --- internal ---

/** What only puts right or follows what has happened has nothing to take back, by its mode. */
const NOT_CANCELLED: Readonly<Record<string, string>> = {
  repair: "is a repair, which cannot be cancelled: what it puts right would stay as it is",
  observed: "follows a rotation of somebody else's, which is not Rotor's to cancel",
};
