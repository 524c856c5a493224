import { ROTATION_REQUESTED } from "../core/events.ts";
import { isRunning } from "../core/executions.ts";
import { describeSecret } from "../core/versions/secret.ts";
import { type Given, isSet, textOption } from "./command.ts";
import type { Deployment } from "./deployment.ts";
import type { ExitStatus } from "./exit-status.ts";
import { follow } from "./follow.ts";
import { isProduction } from "./production.ts";
import { refuse } from "./refuse.ts";
import { nextRequest, putRequest } from "./request.ts";
import type { Session } from "./session.ts";

/** Asks for the next attempt from what is AWSCURRENT now, and follows it as the command line says. One that runs is followed instead. */
export async function requestRotation(
  session: Session,
  deployment: Deployment,
  given: Given,
  secretId: string,
): Promise<ExitStatus> {
  const secret = await describeSecret(session.clients.secretsManager, secretId);
  const kind = isSet(given, "emergency") ? "emergency" : "ordinary";
  const request = await nextRequest(session, deployment, secret, kind);
  const { before } = request;
  if (before !== undefined && isRunning(before)) {
    session.output.say(`A rotation of ${secret.name} is running already.`);
    return await follow(session, deployment, given, { secret, executionName: before.name });
  }
  await refuse(session, deployment, request);
  if (isProduction(deployment))
    await session.confirm(`This rotates ${secret.name} in ${deployment.stage} now.`, secret.name);
  const { expectedVersionId, attempt } = request;
  const detail = { secretId: secret.arn, expectedVersionId, attempt, emergency: kind === "emergency" };
  await putRequest(session, deployment, ROTATION_REQUESTED, detail, textOption(given, "reason"));
  session.output.say(
    `A rotation of ${secret.name} was asked for, from version ${expectedVersionId} to ${request.token}.`,
  );
  return await follow(session, deployment, given, request);
}
