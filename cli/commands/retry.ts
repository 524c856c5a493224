import { RedriveExecutionCommand } from "@aws-sdk/client-sfn";
import { fromAwsError } from "../../core/aws.ts";
import { outcomeOf } from "../../core/executions.ts";
import { defineCommand } from "../command.ts";
import { follow, WAIT_OPTIONS } from "../follow.ts";
import { REASON } from "../reason.ts";
import { refuseRetry } from "../refuse-retry.ts";
import { requestRotation } from "../request-rotation.ts";
import { findRun } from "../runs.ts";

/** Tries again: an execution that died goes on where it was, and of one that has ended there is another attempt. */
export const retry = defineCommand({
  usage: "retry <run>",
  summary: "try again: redrive an execution that died, or make another attempt of a rotation that has failed",
  options: [...WAIT_OPTIONS, REASON],
  examples: ["retry orders/db/app --wait"],
  async run(session, given) {
    const here = await session.announce();
    const found = await findRun(session.clients, here, given.args[0] ?? "");
    const { execution, rotation } = found;
    const { secretArn, secretName } = rotation;
    const { name } = execution;
    await refuseRetry(session, here, found);
    if (outcomeOf(execution) !== "DIED") return await requestRotation(session, here, given, secretArn);
    const { redriveDate: goesOnSince } = await session.clients.sfn
      .send(new RedriveExecutionCommand({ executionArn: execution.arn }))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, `states:RedriveExecution of ${name}`)));
    session.output.say(`Run ${name} goes on where it was.`);
    const run = { secret: { name: secretName, arn: secretArn }, executionName: name, goesOnSince };
    return await follow(session, here, given, run);
  },
});
