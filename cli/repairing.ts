import { REPAIR_REQUESTED } from "../core/events.ts";
import { repairsOf } from "../core/executions.ts";
import { executionName, repairName } from "../core/identity.ts";
import { type Given, textOption } from "./command.ts";
import type { Deployment } from "./deployment.ts";
import type { ExitStatus } from "./exit-status.ts";
import { follow } from "./follow.ts";
import { putRequest } from "./request.ts";
import type { RotationOf } from "./runs.ts";
import type { Session } from "./session.ts";

/** Asks for the next repair of a version's rotation, and follows it as the command line says. */
export async function askForRepair(
  session: Session,
  deployment: Deployment,
  given: Given,
  { secretArn, secretName, token }: Pick<RotationOf, "secretArn" | "secretName" | "token">,
): Promise<ExitStatus> {
  const { sfn } = session.clients;
  const repairs = await repairsOf(sfn, deployment.stateMachineArn, secretArn, token);
  const repair = repairs.length + 1;
  await putRequest(
    session,
    deployment,
    REPAIR_REQUESTED,
    { secretId: secretArn, token, repair },
    textOption(given, "reason"),
  );
  session.output.say(`Repair ${repair} of version ${token} of ${secretName} was asked for.`);
  const name = repairName(executionName(secretArn, token), repair);
  return await follow(session, deployment, given, {
    secret: { name: secretName, arn: secretArn },
    executionName: name,
  });
}
