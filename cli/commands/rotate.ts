import { ROTATION_REQUESTED } from "../../core/events.ts";
import { isRunning } from "../../core/executions.ts";
import { describeSecret } from "../../core/versions/secret.ts";
import { defineCommand, isSet, textOption } from "../command.ts";
import { follow, WAIT_OPTIONS } from "../follow.ts";
import { isProduction } from "../production.ts";
import { refuse } from "../refuse.ts";
import { nextRequest, putRequest } from "../request.ts";

/** Asks for a rotation, whoever makes it: the workflow, Secrets Manager through Rotor, or the service that manages the secret. */
export const rotate = defineCommand({
  usage: "rotate <secret>",
  summary: "ask for a rotation of a secret",
  options: [
    ...WAIT_OPTIONS,
    { flags: "--reason <text>", description: "why, for the log" },
    { flags: "--emergency", description: "wait for no window, and skip the soak; safety is not skipped" },
  ],
  examples: ["rotate orders/db/app --wait", 'rotate orders/db/app --reason "ticket SEC-214" --emergency'],
  async run(session, given) {
    const here = await session.announce();
    const secret = await describeSecret(session.clients.secretsManager, given.args[0] ?? "");
    const request = await nextRequest(session, here, secret, isSet(given, "emergency") ? "emergency" : "ordinary");
    const { before } = request;
    if (before !== undefined && isRunning(before)) {
      session.output.say(`A rotation of ${secret.name} is running already.`);
      return await follow(session, here, given, { secret, executionName: before.name });
    }
    await refuse(session, here, request);
    if (isProduction(here)) await session.confirm(`This rotates ${secret.name} in ${here.stage} now.`, secret.name);
    const { expectedVersionId, attempt, kind } = request;
    const detail = { secretId: secret.arn, expectedVersionId, attempt, emergency: kind === "emergency" };
    await putRequest(session, here, ROTATION_REQUESTED, detail, textOption(given, "reason"));
    session.output.say(
      `A rotation of ${secret.name} was asked for, from version ${expectedVersionId} to ${request.token}.`,
    );
    return await follow(session, here, given, request);
  },
});
