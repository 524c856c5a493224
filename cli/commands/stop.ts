import { moveLabel } from "../../core/versions/move-label.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, holds } from "../../core/versions/secret.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { follow, WAIT_OPTIONS } from "../follow.ts";
import { refuseStop } from "../refuse-stop.ts";
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
    const found = await findRun(session.clients, here, given.args[0] ?? "");
    await refuseStop(session, found);
    const { execution, rotation } = found;
    const { secretArn, secretName, token } = rotation;
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
