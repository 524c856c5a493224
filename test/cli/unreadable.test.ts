import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Account, startAccount } from "../../local/account.ts";
import { deploy } from "../../local/deploy.ts";
import { AwsError } from "../../local/services/service.ts";
import { documentOf, rotor } from "./rotor.ts";

const [GOOD, SHUT, GONE] = ["good/key", "shut/key", "gone/key"];
let account: Account;
const run = (...args: readonly string[]) => rotor(account.environment, ...args, "--output", "json");

beforeAll(async () => {
  account = await startAccount();
  const { endpoint, region } = account;
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const client = new SecretsManagerClient({ endpoint, region, credentials });
  const config = [GOOD, SHUT, GONE].map((secretId) => ({ secretId, strategy: "random-text", mode: "driven" as const }));
  await deploy(account, { config, bundles: inject("bundles") });
  for (const Name of [GOOD, SHUT, GONE])
    await client.send(new CreateSecretCommand({ Name, SecretString: "x".repeat(40) }));
  // One has a policy of its own that denies it; one was deleted a minute ago, and ListSecrets is behind.
  account.intercept(({ operation, caller, phase, input }) => {
    if (operation !== "DescribeSecret" || caller !== undefined || phase !== "before") return;
    const text = JSON.stringify(input);
    if (text.includes(SHUT ?? "")) throw new AwsError("AccessDeniedException", "explicit deny", 400);
    if (text.includes(GONE ?? "")) throw new AwsError("ResourceNotFoundException", "can't find it", 400);
  });
});
afterAll(() => account.close());

test.each(["secrets", "report"])(
  "%s tells of every other secret where one cannot be read, and of that one",
  async (of) => {
    const ended = await run(of);
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    expect(documentOf(ended).secrets).toMatchObject([
      { name: GOOD, states: [] },
      { name: SHUT, policy: { mode: "driven" }, states: ["not readable"] },
      // Of a policy whose secret is not there only the report says so.
      ...(of === "report" ? [{ name: GONE, states: ["no such secret"] }] : []),
    ]);
  },
);

test("doctor does so, too, and misses the one that is not there", async () => {
  const ended = await run("doctor");
  expect(ended.status).toBe(7);
  const { findings } = documentOf(ended);
  expect(findings.filter(({ check }: { check: string }) => check === "secrets")).toEqual([
    {
      ...{ check: "secrets", state: "warning", todo: expect.stringContaining("docs/cli.md#rights") },
      says: `${SHUT} could not be looked at: these credentials may not look at it`,
    },
    expect.objectContaining({ state: "blocking", says: `There is no secret ${GONE}, which a policy names.` }),
  ]);
});
