import { isRunning, outcomeOf } from "../../core/executions.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  describeSecret,
  holderOf,
  ROTATION_CANDIDATE,
  ROTATION_FROZEN,
} from "../../core/versions/secret.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { WAIT_OPTIONS } from "../follow.ts";
import { REASON } from "../reason.ts";
import { askForRepair } from "../repairing.ts";
import { newestRunOf } from "../runs.ts";

/** Takes up what a rotation has left: a stopped execution, AWSPENDING or ROTATION_CANDIDATE that nobody is at work on. */
export const repair = defineCommand({
  usage: "repair <secret>",
  summary: "put right what a rotation has left behind",
  options: [...WAIT_OPTIONS, REASON],
  examples: ["repair orders/db/app --wait"],
  async run(session, given) {
    const here = await session.announce();
    const { clients } = session;
    const secret = await describeSecret(clients.secretsManager, given.args[0] ?? "");
    const frozen = holderOf(secret.labels, ROTATION_FROZEN);
    if (frozen !== undefined) {
      throw new CliError(
        EXIT.blocked,
        `${secret.name} is frozen: ROTATION_FROZEN is on version ${frozen}. Nothing was asked for.`,
        `make target and labels agree, then: rotor unfreeze ${secret.name}`,
      );
    }
    const newest = await newestRunOf(clients, here.stateMachineArn, secret.arn);
    if (newest !== undefined && isRunning(newest.execution)) {
      throw new CliError(
        EXIT.environment,
        `Run ${newest.execution.name} of ${secret.name} is at work: there is nothing to repair yet.`,
        `let it end (rotor watch ${newest.execution.name}), or cancel it (rotor stop)`,
      );
    }
    const current = holderOf(secret.labels, AWSCURRENT);
    const left = [ROTATION_CANDIDATE, AWSPENDING]
      .map((label) => holderOf(secret.labels, label))
      .find((id) => id !== current);
    const died = newest !== undefined && outcomeOf(newest.execution) === "DIED" ? newest.rotation.token : undefined;
    const token = left ?? died;
    if (token === undefined) {
      throw new CliError(
        EXIT.nothingChanged,
        `Nothing of a rotation is left on ${secret.name}: there is nothing to repair.`,
      );
    }
    return await askForRepair(session, here, given, { secretArn: secret.arn, secretName: secret.name, token });
  },
});
