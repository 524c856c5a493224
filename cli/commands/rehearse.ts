import { REHEARSAL_REQUESTED } from "../../core/events.ts";
import { describeExecution, isRunning, provesRollback } from "../../core/executions.ts";
import { deriveToken, executionName } from "../../core/identity.ts";
import { describeSecret } from "../../core/versions/secret.ts";
import { defineCommand, isSet, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { follow, WAIT_OPTIONS } from "../follow.ts";
import { isProduction } from "../production.ts";
import { REASON } from "../reason.ts";
import { refuse } from "../refuse.ts";
import { nextRequest, putRequest } from "../request.ts";

/** A rotation that is taken back after it has converged, and then one that stays: proves that both work. */
export const rehearse = defineCommand({
  usage: "rehearse <secret>",
  summary: "rotate a secret, take that back, rotate it again: its policy has to allow it (rehearses)",
  options: [...WAIT_OPTIONS, REASON],
  examples: ["rehearse staging/orders/db --wait"],
  async run(session, given) {
    const here = await session.announce();
    const { clients, output } = session;
    const secret = await describeSecret(clients.secretsManager, given.args[0] ?? "");
    const request = await nextRequest(session, here, secret, "rehearsal");
    const { before, expectedVersionId, attempt } = request;
    if (before !== undefined && isRunning(before)) {
      output.say(`A rehearsal of ${secret.name} is running already.`);
      return await follow(session, here, given, { secret, executionName: before.name });
    }
    await refuse(session, here, request);
    if (isProduction(here))
      await session.confirm(`This rehearses on ${secret.name} in ${here.stage} now.`, secret.name);
    const detail = { secretId: secret.arn, expectedVersionId, attempt };
    await putRequest(session, here, REHEARSAL_REQUESTED, detail, textOption(given, "reason"));
    output.say(`A rehearsal of ${secret.name} was asked for: first a rotation that is taken back.`);
    const status = await follow(session, here, given, request);
    if (!isSet(given, "wait") || status !== EXIT.rolledBack) return status;
    const first = await describeExecution(clients.sfn, here.stateMachineArn, request.executionName);
    if (first === undefined || !provesRollback(first)) return status;
    output.say("It was taken back, as planned. Now the rotation that stays.");
    const token = deriveToken(secret.arn, expectedVersionId, attempt, "rehearsed");
    return await follow(session, here, given, { secret, executionName: executionName(secret.arn, token) });
  },
});
