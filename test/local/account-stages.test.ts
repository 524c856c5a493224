import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import { type Account, startAccount } from "../../local/account.ts";
import { deploy } from "../../local/deploy.ts";

/** The embedded account is the stage "local". */
const bundles = inject("bundles");
const token = randomUUID();
const NAME = "orders/db";
let account: Account;
let arn: string;

beforeAll(async () => {
  account = await startAccount({ region: "eu-central-1" });
  const { CreateSecret: create } = account.secretsManager.operations;
  if (create === undefined) throw new Error("The account has no CreateSecret.");
  const created = await create({ Name: NAME, SecretString: "{}", ClientRequestToken: token });
  arn = (created as { ARN: string }).ARN;
});
afterAll(async () => {
  await account.close();
});

/** What each function is asked for the secret, and a part of what it says where it has no policy. */
const ASKED: Readonly<Partial<Record<FunctionName, { input: () => object; withoutPolicy: string }>>> = {
  dispatch: {
    input: () => ({
      version: "0",
      id: randomUUID(),
      source: "platform.rotation",
      account: account.accountId,
      region: account.region,
      time: new Date().toISOString(),
      resources: [],
      "detail-type": "Rotation Requested",
      detail: { secretId: arn, expectedVersionId: token },
    }),
    withoutPolicy: "no policy",
  },
  gate: {
    input: () => ({ Step: "createSecret", SecretId: arn, ClientRequestToken: randomUUID() }),
    withoutPolicy: `No policy of rotation.config names ${NAME} in this stage`,
  },
  plan: {
    input: () => ({
      rotation: { secretArn: arn, token, mode: "observed" },
      executionName: "rot-0",
      nowMs: Date.now(),
      retries: 0,
    }),
    withoutPolicy: `No policy of rotation.config names ${NAME} in this stage`,
  },
  rotate: {
    input: () => ({
      ...{ Step: "testSecret", SecretId: arn, ClientRequestToken: token, secretName: NAME },
      ...{ mode: "driven", base: null, previous: null, retries: 0 },
    }),
    withoutPolicy: `No policy of rotation.config names ${NAME} in this stage`,
  },
  dependents: {
    input: () => ({
      ...{ action: "verify", dependent: "api", secretArn: arn, secretName: NAME, versionId: token },
      ...{ final: true, judged: true },
    }),
    withoutPolicy: "it is not in the policy any more",
  },
  "roll-back": {
    input: () => ({ action: "measure", secretArn: arn, token, secretName: NAME }),
    withoutPolicy: `No policy of rotation.config names ${NAME} in this stage`,
  },
  reconcile: {
    input: () => ({ time: new Date(Date.now() + 40 * 24 * 3_600_000).toISOString() }),
    withoutPolicy: '"requested":0',
  },
};

describe("a function has the policies of its stage", () => {
  const reading = (Object.keys(FUNCTIONS) as FunctionName[]).filter((name) =>
    readFileSync(new URL(`../../${FUNCTIONS[name].file}`, import.meta.url), "utf8").includes("rotation.config.ts"),
  );

  test("as each one does that reads them", () => {
    expect(Object.keys(ASKED).sort()).toEqual(reading.sort());
  });

  test.each(Object.entries(ASKED))("%s", async (name, { input, withoutPolicy }) => {
    const said = async (stages: readonly string[]) => {
      const dependents = [
        { name: "api", kind: "http-endpoint", evidence: "weak", target: { verify: "http://127.0.0.1:1/" } },
      ];
      const policy = { secretId: NAME, strategy: "postgres-single-user", mode: "driven", schedule: "rate(30 days)" };
      await deploy(account, { config: [{ ...policy, dependents, stages }], bundles });
      // What another function was asked may have begun a rotation.
      await account.idle();
      return JSON.stringify((await account.lambda.invoke(name, input())).Payload);
    };
    expect(await said(["production"])).toContain(withoutPolicy);
    expect(await said(["production", "local"])).not.toContain(withoutPolicy);
  });
});
