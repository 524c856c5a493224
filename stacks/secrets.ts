import { bindPolicies, type FoundSecret, secretsNamedIn } from "../core/bind-policies.ts";
import { HEARTBEAT_SECRET_NAME } from "../core/blueprint.ts";
import { type FunctionId, functionSuffix } from "../core/deployed-functions.ts";
import { ENGINES } from "../core/engines.ts";
import { forStage, type Policy } from "../core/policies.ts";
import { DEFAULT_ROTATION_RULES } from "../core/rotation-rules.ts";
import { type Functions, requireFunction } from "./functions.ts";
import { functionsOf, type Grants } from "./grants.ts";
import type { Names } from "./names.ts";

/**
 * The policies of this stage, with the ARNs of their secrets.
 * @throws RotationError ConfigurationInvalid as bindPolicies, before anything is created
 */
export async function findSecrets(declared: readonly Policy[], names: Names): Promise<readonly Policy[]> {
  const { stage } = $app;
  const ids = forStage(declared, stage).flatMap(secretsNamedIn);
  const found = await Promise.all(
    [...new Set(ids)].map(async (id) => [id, await findSecret(id).catch(({ message }: Error) => message)] as const),
  );
  const suffixes = Object.values(ENGINES).map(({ suffix }) => suffix);
  const gates = {
    gates: suffixes.map((suffix) => names.of(`gate${suffix}`)),
    anyGate: new RegExp(`^${$app.name}-[A-Za-z0-9-]+-gate(${suffixes.join("|")})$`),
  };
  return bindPolicies(declared, new Map(found), { stage, account: names.account, ...gates });
}

async function findSecret(id: string): Promise<FoundSecret> {
  const { arn, kmsKeyId } = await aws.secretsmanager.getSecret(id.startsWith("arn:") ? { arn: id } : { name: id });
  const { rotationLambdaArn: rotationFunctionArn } = await aws.secretsmanager.getSecretRotation({ secretId: arn });
  return { arn, kmsKeyId, rotationFunctionArn };
}

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

/**
 * The gate of its engine becomes the rotation function of every native secret. Nothing rotates by that: at the schedule's next window.
 * @param ready what a rotation needs besides: created before, and removed after the secret's rotation is turned off
 */
export function rotateNatively(grants: Grants, functions: Functions, ready: readonly $util.Resource[]): void {
  const permissions = functionsOf(grants).flatMap(({ id, name }) =>
    name === "gate" ? [mayInvoke(id, requireFunction(functions, id), grants)] : [],
  );
  const native = grants.policies.filter(({ mode }) => mode === "native");
  for (const policy of native) {
    const { secretId, rotationRules = DEFAULT_ROTATION_RULES } = policy;
    const gate = requireFunction(functions, `gate${functionSuffix(policy)}`);
    new aws.secretsmanager.SecretRotation(
      `rotation-of-${secretId.split(":secret:")[1]}`,
      { secretId, rotationLambdaArn: gate.arn, rotateImmediately: false, rotationRules },
      // Replaced the other way round, the old one's end would cancel the rotation that the new one has set up.
      { dependsOn: [...permissions, ...ready], deleteBeforeReplace: true },
    );
  }
}

function mayInvoke(id: FunctionId, gate: sst.aws.Function, { names }: Grants): aws.lambda.Permission {
  return new aws.lambda.Permission(`secretsmanager-invokes-${id}`, {
    action: "lambda:InvokeFunction",
    function: gate.name,
    principal: "secretsmanager.amazonaws.com",
    sourceAccount: names.account,
  });
}
