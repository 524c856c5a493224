import { randomUUID } from "node:crypto";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import { deriveToken, executionName } from "../../core/identity.ts";
import type { Seed } from "../../local/services/secretsmanager.ts";
import { uniqueName } from "../support/database.ts";
import { expectEnd } from "../support/invariants.ts";
import { writesOf } from "../support/observations.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

type Manager = Pick<Seed, "OwningService" | "Type" | "PrimaryRegion">;

const managed: readonly (readonly [what: string, Manager, said: RegExp])[] = [
  ["a secret of another AWS service", { OwningService: "rds" }, /is managed by rds: .*mode "observed"/],
  ["a managed external secret", { Type: "SalesforceClientSecret" }, /is managed by SalesforceClientSecret: /],
  ["a replica", { PrimaryRegion: "eu-central-1" }, /is a replica; rotate it in eu-central-1/],
];
const modes = ["native", "driven"] as const;

test.each(managed.flatMap(([what, manager, said]) => modes.map((mode) => [what, mode, manager, said] as const)))(
  "%s with a policy of mode %s is rejected, whether its owner's rotation is on or not, and nothing is written",
  async (_what, mode, manager, said) => {
    const secret = await addManaged(mode, manager);

    for (const [attempt, isEnabled] of [
      [1, false],
      [2, true],
    ] as const) {
      using _ = showRotationEnabled(secret, isEnabled);
      const token = await start(secret, mode, attempt);

      const { told } = await expectEnd(world, secret, token, {
        outcome: "REJECTED",
        labels: { [secret.firstVersion]: ["AWSCURRENT"] },
        opens: [secret.firstVersion],
        error: "SecretManagedElsewhere",
        failedIn: "Plan",
      });
      expect(told?.failure?.message).toMatch(said);
    }
    for (const functionName of Object.keys(FUNCTIONS) as FunctionName[]) {
      expect(writesOf(world, secret, functionName)).toEqual([]);
    }
    expect(secret.proxy.connections()).toBe(0);
  },
);

/** A secret that somebody else manages, with a login that works and a policy of ours that names it all the same. */
async function addManaged(mode: "native" | "driven", manager: Manager): Promise<TestSecret> {
  const name = uniqueName("managed/db");
  const login = await world.addSecret({ policy: { mode, secretId: name } });
  const { SecretString = "" } = await world.client.send(new GetSecretValueCommand({ SecretId: login.arn }));
  const { ARN, VersionId } = world.account.secretsManager.seed({ Name: name, SecretString, ...manager });
  return { ...login, arn: ARN, name, firstVersion: VersionId };
}

/** Managed rotation shows in DescribeSecret as RotationEnabled, without a function. */
function showRotationEnabled(secret: TestSecret, isEnabled: boolean): Disposable {
  return world.account.intercept(({ operation, phase, output }) => {
    const description = output as { ARN?: string } | undefined;
    if (!isEnabled || operation !== "DescribeSecret" || phase !== "after") return undefined;
    return description?.ARN === secret.arn ? { reply: { ...description, RotationEnabled: true } } : undefined;
  });
}

/** RotateSecret makes no execution of such a secret, so a native one can only be started by hand. */
async function start(secret: TestSecret, mode: "native" | "driven", attempt: number): Promise<string> {
  if (mode === "driven") {
    await world.request(secret, { attempt });
    return deriveToken(secret.arn, secret.firstVersion, attempt);
  }
  const token = randomUUID();
  await world.sfn.send(
    new StartExecutionCommand({
      stateMachineArn: world.deployment().stateMachineArn,
      name: executionName(secret.arn, token),
      input: JSON.stringify({ secretArn: secret.arn, token, mode }),
    }),
  );
  await world.settled();
  return token;
}
