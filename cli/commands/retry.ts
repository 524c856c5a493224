import { DescribeExecutionCommand, RedriveExecutionCommand } from "@aws-sdk/client-sfn";
import { fromAwsError } from "../../core/aws.ts";
import { isRunning, outcomeOf, repairsOf } from "../../core/executions.ts";
import { AWSCURRENT, describeSecret, holderOf, ROTATION_FROZEN, type Secret } from "../../core/versions/secret.ts";
import { baseOf } from "../base-of.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { follow, WAIT_OPTIONS } from "../follow.ts";
import { REASON } from "../reason.ts";
import { requestRotation } from "../request-rotation.ts";
import { findRun, newestRunOf } from "../runs.ts";

/** Tries again: an execution that died goes on where it was, and of one that has ended there is another attempt. */
export const retry = defineCommand({
  usage: "retry <run>",
  summary: "try again: redrive an execution that died, or make another attempt of a rotation that has failed",
  options: [...WAIT_OPTIONS, REASON],
  examples: ["retry orders/db/app --wait"],
  async run(session, given) {
    const here = await session.announce();
    const { execution, rotation } = await findRun(session.clients, here, given.args[0] ?? "");
    const { secretArn, secretName, token } = rotation;
    const { name } = execution;
    if (isRunning(execution))
      throw new CliError(
        EXIT.nothingChanged,
        `Run ${name} is at work. Nothing was done.`,
        `follow it: rotor watch ${name}`,
      );
    const outcome = outcomeOf(execution);
    if (outcome === "SUCCEEDED" || outcome === "NOT_CONVERGED") {
      throw new CliError(
        EXIT.nothingChanged,
        `Run ${name} ended ${outcome.replaceAll("_", " ")}: its version is live. Nothing was done.`,
        `rotate again: rotor rotate ${secretName}`,
      );
    }
    const secret = await describeSecret(session.clients.secretsManager, secretArn);
    if (outcome === "ROLLBACK_FAILED" && holderOf(secret.labels, ROTATION_FROZEN) !== undefined) {
      throw new CliError(
        EXIT.blocked,
        `Run ${name} could not be rolled back, and ${secretName} is frozen. Nothing was done.`,
        `make target and labels agree, then: rotor unfreeze ${secretName}`,
        "RollbackFailed",
      );
    }
    if (outcome !== "DIED") {
      if (await isPast(secret)) {
        throw new CliError(
          EXIT.nothingChanged,
          `Run ${name} is past: ${secretName} has gone on since, and another attempt would be a rotation from what is AWSCURRENT now. Nothing was asked for.`,
          `if that is meant: rotor rotate ${secretName}`,
        );
      }
      return await requestRotation(session, here, given, secretArn);
    }
    const repairs = await repairsOf(session.clients.sfn, here.stateMachineArn, secretArn, token);
    // Of a repair those before it are what it has taken up.
    const others = repairs.slice(repairs.findIndex((each) => each.name === name) + 1);
    if (others.length > 0) {
      throw new CliError(
        EXIT.nothingChanged,
        `Run ${name} has been repaired since, by ${others.at(-1)?.name}: it must not go on. Nothing was done.`,
        `make another attempt: rotor rotate ${secretName}`,
      );
    }
    const goesOnSince = await redrive(execution.arn, name);
    session.output.say(`Run ${name} goes on where it was.`);
    const run = { secret: { name: secretName, arn: secretArn }, executionName: name, goesOnSince };
    return await follow(session, here, given, run);

    /** Whether AWSCURRENT is another version than the run began from; where it had no plan, whether another run came after it. */
    async function isPast({ labels }: Secret): Promise<boolean> {
      const base = await baseOf(session.clients.sfn, execution);
      if (base !== undefined) return holderOf(labels, AWSCURRENT) !== base;
      const newest = await newestRunOf(session.clients, here.stateMachineArn, secretArn);
      return newest?.execution.name !== name;
    }

    async function redrive(executionArn: string, what: string): Promise<Date | undefined> {
      const { sfn } = session.clients;
      const { redriveStatus, redriveStatusReason } = await sfn
        .send(new DescribeExecutionCommand({ executionArn }))
        .catch((error: unknown) => Promise.reject(fromAwsError(error, `states:DescribeExecution of ${what}`)));
      if (redriveStatus === "NOT_REDRIVABLE") {
        throw new CliError(
          EXIT.nothingChanged,
          `Step Functions does not let run ${what} go on: ${redriveStatusReason ?? "no reason given"}. Nothing was done.`,
          `repair what it left: rotor repair ${secretName}`,
        );
      }
      const { redriveDate } = await sfn
        .send(new RedriveExecutionCommand({ executionArn }))
        .catch((error: unknown) => Promise.reject(fromAwsError(error, `states:RedriveExecution of ${what}`)));
      return redriveDate;
    }
  },
});
