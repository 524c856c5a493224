import { describeExecution, isRunning, outcomeOf } from "../../core/executions.ts";
import { executionName } from "../../core/identity.ts";
import { isGate } from "../../core/is-gate.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  describeSecret,
  holderOf,
  holds,
  ROTATION_CANDIDATE,
  type Secret,
} from "../../core/versions/secret.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand } from "../command.ts";
import type { Deployment } from "../deployment.ts";
import { EXIT } from "../exit-status.ts";
import { WAIT_OPTIONS } from "../follow.ts";
import { REASON } from "../reason.ts";
import { refuseFrozen } from "../refuse.ts";
import { askForRepair } from "../repairing.ts";
import { newestRunOf } from "../runs.ts";
import type { Session } from "../session.ts";

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
    refuseFrozen(secret);
    const newest = await newestRunOf(clients, here.stateMachineArn, secret.arn);
    if (newest !== undefined && isRunning(newest.execution)) {
      throw new CliError(
        EXIT.environment,
        `Run ${newest.execution.name} of ${secret.name} is at work: there is nothing to repair yet. Nothing was asked for.`,
        `let it end (rotor watch ${newest.execution.name}), or cancel it (rotor stop)`,
      );
    }
    const current = holderOf(secret.labels, AWSCURRENT);
    const left = [ROTATION_CANDIDATE, AWSPENDING]
      .map((label) => holderOf(secret.labels, label))
      .find((id) => id !== undefined && id !== current);
    const died = newest !== undefined && outcomeOf(newest.execution) === "DIED" ? newest.rotation.token : undefined;
    const token = left ?? died;
    if (token === undefined) {
      throw new CliError(
        EXIT.nothingChanged,
        `Nothing of a rotation is left on ${secret.name}: there is nothing to repair. Nothing was asked for.`,
      );
    }
    if (!(await isOurs(session, here, secret, token))) {
      throw new CliError(
        EXIT.nothingChanged,
        `AWSPENDING is on version ${token} of ${secret.name}, and no rotation of Rotor's has put it there. Nothing was asked for.`,
        `see in CloudTrail who has; to take it off: aws secretsmanager update-secret-version-stage --secret-id ${secret.name} --version-stage AWSPENDING --remove-from-version-id ${token}`,
        "RotationInProgress",
      );
    }
    return await askForRepair(session, here, given, { secretArn: secret.arn, secretName: secret.name, token });
  },
});

// --- internal ---

/** Whether a repair would find something to do: of a version of somebody else's it could only fail, and call for a person. */
async function isOurs(
  { clients }: Session,
  { stateMachineArn, functionArn }: Deployment,
  { arn, labels, rotationLambdaArn }: Secret,
  token: string,
): Promise<boolean> {
  if (holds(labels, token, ROTATION_CANDIDATE) || isGate(rotationLambdaArn, functionArn("gate"))) return true;
  return (await describeExecution(clients.sfn, stateMachineArn, executionName(arn, token))) !== undefined;
}
