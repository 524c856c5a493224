import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Account, startAccount } from "../../local/account.ts";
import { deploy } from "../../local/deploy.ts";
import { AwsError } from "../../local/services/service.ts";
import type { InterceptedCall } from "../../local/wire-calls.ts";
import { documentOf, rotor } from "./rotor.ts";

const NAMES = ["one/key", "two/key", "three/key"] as const;
let account: Account;
const run = (...args: readonly string[]) => rotor(account.environment, ...args);

beforeAll(async () => {
  account = await startAccount();
  const { endpoint, region } = account;
  const client = new SecretsManagerClient({
    ...{ endpoint, region, credentials: { accessKeyId: "a", secretAccessKey: "b" } },
  });
  const policy = { strategy: "random-text", mode: "driven" } as const;
  await deploy(account, {
    config: NAMES.map((secretId) => ({ ...policy, secretId })),
    bundles: inject("bundles"),
  });
  for (const Name of NAMES) await client.send(new CreateSecretCommand({ Name, SecretString: "x".repeat(40) }));
});
afterAll(() => account.close());

/** What the CLI is told of these calls, until the end of the test. */
function fail(is: (call: InterceptedCall & { readonly text: string }) => boolean, error: AwsError): Disposable {
  return account.intercept((call) => {
    if (call.caller !== undefined || call.phase !== "before") return;
    if (is({ ...call, text: JSON.stringify(call.input) })) throw error;
  });
}

async function findings() {
  const ended = await run("doctor", "--output", "json");
  return { status: ended.status, ...(documentOf(ended) as { findings: { check: string }[] }) };
}

const rulesOk = expect.objectContaining({ check: "rules", state: "ok" });

test("without the function plan doctor says so, and goes on with what it can look at; other commands say so, too", async () => {
  using _ = fail(
    ({ operation, text }) => operation === "Invoke" && text.includes(":function:plan"),
    new AwsError("ResourceNotFoundException", "Function not found.", 404),
  );
  const looked = await findings();
  expect(looked.status).toBe(7);
  expect(looked.findings).toContainEqual({
    ...{ check: "functions", state: "blocking", says: "Function plan is not there.", todo: "deploy the stage again" },
  });
  expect(looked.findings).toContainEqual(rulesOk);
  expect(looked.findings).toContainEqual(
    expect.objectContaining({ check: "secrets", says: expect.stringMatching(/could not be looked at: .*plan is not/) }),
  );

  const other = await run("secrets");
  expect(other.status).toBe(253);
  expect(other.stderr).toMatch(/Function \S+:plan is not there\.\n {2}to do: deploy the stage again/);
});

test("without the heartbeat's secret doctor says so, and still looks at the rules", async () => {
  using _ = fail(
    ({ operation, text }) => operation === "DescribeSecret" && text.includes("rotor/heartbeat"),
    new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400),
  );
  const looked = await findings();
  expect(looked.status).toBe(7);
  expect(looked.findings.filter(({ check }) => check === "trail")).toEqual([
    {
      ...{ check: "trail", state: "blocking", todo: "deploy the stage again" },
      says: "The heartbeat's secret rotor/heartbeat is not there.",
    },
  ]);
  expect(looked.findings).toContainEqual(rulesOk);
});

test("a look that AWS did not answer costs no other one, and doctor does not end as if all were well", async () => {
  using _ = fail(
    ({ operation }) => operation === "ListExecutions",
    new AwsError("ThrottlingException", "Rate exceeded.", 400),
  );
  const looked = await findings();
  expect(looked.status).toBe(254);
  expect(looked.findings).toContainEqual(rulesOk);
  expect(looked.findings).toContainEqual(
    expect.objectContaining({
      check: "secrets",
      state: "warning",
      says: expect.stringContaining("could not be looked at: Throttled"),
    }),
  );
});
