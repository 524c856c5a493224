import { HEARTBEAT_SECRET_NAME } from "../core/blueprint.ts";
import { DEFAULT_ROTATION_RULES } from "../core/rotation-rules.ts";
import type { Functions } from "./functions.ts";
import type { Grants } from "./permissions.ts";

/** The secret whose tags prove that the trail delivers. It has no value, and its tags are the functions'. */
export function createHeartbeat({ names }: Grants): aws.secretsmanager.Secret {
  return new aws.secretsmanager.Secret(
    "heartbeat",
    {
      name: names.of(HEARTBEAT_SECRET_NAME),
      description: "Holds nothing. Its tags say when Rotor last saw an event of CloudTrail's: docs/reconcile.md",
      // A stage that is deployed again takes the same name.
      recoveryWindowInDays: 0,
    },
    { ignoreChanges: ["tags", "tagsAll"] },
  );
}

/** The gate becomes the rotation function of every native secret. Nothing rotates by that: at the schedule's next window. */
export function rotateNatively({ names, policies }: Grants, { gate }: Functions): void {
  const permission = new aws.lambda.Permission("secretsmanager-invokes-gate", {
    action: "lambda:InvokeFunction",
    function: gate.name,
    principal: "secretsmanager.amazonaws.com",
    sourceAccount: names.account,
  });
  for (const { secretId, rotationRules = DEFAULT_ROTATION_RULES } of policies.filter(({ mode }) => mode === "native")) {
    new aws.secretsmanager.SecretRotation(
      `rotation-of-${secretId}`,
      { secretId, rotationLambdaArn: gate.arn, rotateImmediately: false, rotationRules },
      { dependsOn: [permission] },
    );
  }
}
