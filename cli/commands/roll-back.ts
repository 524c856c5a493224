import { isRunning, outcomeOf } from "../../core/executions.ts";
import { AWSCURRENT, AWSPREVIOUS, describeSecret, holderOf, holds } from "../../core/versions/secret.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { WAIT_OPTIONS } from "../follow.ts";
import { REASON } from "../reason.ts";
import { askForRepair } from "../repairing.ts";
import { findRun } from "../runs.ts";

/** Takes back a rotation that has succeeded, or that stayed without having converged, while its old version is known. */
export const rollBack = defineCommand({
  usage: "roll-back <run>",
  summary: "take back a rotation that has ended, and prove that the old credential works",
  options: [...WAIT_OPTIONS, REASON],
  examples: ["roll-back orders/db/app --wait --confirm orders/db/app"],
  async run(session, given) {
    const here = await session.announce();
    const { execution, rotation } = await findRun(session.clients, here, given.args[0] ?? "");
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
        outcome === "DIED" || outcome === "ROLLBACK_FAILED"
          ? `see what it left: rotor doctor ${secretName}`
          : undefined,
      );
    }
    const { labels } = await describeSecret(session.clients.secretsManager, secretArn);
    if (!holds(labels, token, AWSCURRENT)) {
      throw new CliError(
        EXIT.nothingChanged,
        `Version ${token} of ${secretName} is not AWSCURRENT any more: it is not live. Nothing was done.`,
      );
    }
    const previous = holderOf(labels, AWSPREVIOUS);
    if (previous === undefined) {
      throw new CliError(
        EXIT.nothingChanged,
        `${secretName} has no AWSPREVIOUS: the version before ${token} is not known any more. Nothing was done.`,
      );
    }
    const what = `This takes ${secretName} in ${here.stage} back from version ${token} to the one before it.`;
    await session.confirm(what, secretName);
    return await askForRepair(session, here, given, rotation);
  },
});
