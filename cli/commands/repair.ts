import { isRunning, outcomeOf } from "../../core/executions.ts";
import { policyFor } from "../../core/policies.ts";
import { toSuspect } from "../../core/reconcile/suspect.ts";
import { describeSecret } from "../../core/versions/secret.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { WAIT_OPTIONS } from "../follow.ts";
import { leftOver, refusalOfLeft } from "../left-over.ts";
import { REASON } from "../reason.ts";
import { refuseFrozen } from "../refuse.ts";
import { askForRepair } from "../repairing.ts";
import { newestRunOf } from "../runs.ts";

/** Takes up what a rotation of Rotor's has left: a stopped execution, AWSPENDING or ROTATION_CANDIDATE that nobody is at work on. */
export const repair = defineCommand({
  usage: "repair <secret>",
  summary: "put right what a rotation has left behind",
  options: [...WAIT_OPTIONS, REASON],
  examples: ["repair orders/db/app --wait"],
  async run(session, given) {
    const here = await session.announce();
    const { clients } = session;
    const secret = await describeSecret(clients.secretsManager, given.args[0] ?? "");
    refuseFrozen(secret);
    const newest = await newestRunOf(clients, here.stateMachineArn, secret.arn);
    if (newest !== undefined && isRunning(newest.execution)) {
      throw new CliError(
        EXIT.nothingChanged,
        `Run ${newest.execution.name} of ${secret.name} is at work: there is nothing to repair yet. Nothing was asked for.`,
        `let it end (rotor watch ${newest.execution.name}), or cancel it (rotor stop)`,
      );
    }
    const policy = policyFor(await session.policies(), secret);
    if (policy === undefined) {
      throw new CliError(
        EXIT.nothingChanged,
        `No policy of this stage names ${secret.name}: Rotor leaves it alone. Nothing was asked for.`,
      );
    }
    const { stateMachineArn } = here;
    const suspect = toSuspect({ client: clients.secretsManager, sfn: clients.sfn, stateMachineArn }, secret, policy);
    const left = await leftOver(here, suspect, Date.now());
    const died = newest !== undefined && outcomeOf(newest.execution) === "DIED" ? newest.rotation.token : undefined;
    // The last of two is the one with ROTATION_CANDIDATE: what an execution has begun comes first.
    const token = left.findLast(({ state }) => state === "to repair")?.token ?? died;
    if (token === undefined) {
      if (left[0] !== undefined) throw refusalOfLeft(secret, left[0]);
      throw new CliError(
        EXIT.nothingChanged,
        `Nothing of a rotation is left on ${secret.name}: there is nothing to repair. Nothing was asked for.`,
      );
    }
    return await askForRepair(session, here, given, { secretArn: secret.arn, secretName: secret.name, token });
  },
});
