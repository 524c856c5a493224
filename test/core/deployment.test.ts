import { describe, expect, test } from "vitest";
import { bindPolicies, checkPolicies, type FoundSecret, parseDeployment } from "../../core/deployment.ts";
import { type PolicyInput, parsePolicies } from "../../core/policies.ts";

const place = { account: "123456789012", region: "eu-west-1" };
const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf";
const policy = { secretId: "orders/db", strategy: "postgres-single-user" } as const;
const settings = { region: "eu-west-1", runbook: "https://runbooks.example.com/rotor" };

function check(...entries: readonly PolicyInput[]): void {
  checkPolicies(parsePolicies(entries), place);
}

describe("what cannot be deployed is refused with the field and the fix", () => {
  test.each<[string, Partial<PolicyInput>, string]>([
    ["a name with a space", { secretId: "orders db" }, "Field 0.secretId: must be a secret's name"],
    ["a name like an ARN's end", { secretId: "orders/db-AbCdEf" }, "Field 0.secretId: ends like an ARN"],
    ["a partial ARN", { secretId: arn.slice(0, -7) }, "Field 0.secretId: must be the full ARN"],
    [
      "an ARN of something else",
      { secretId: "arn:aws:rds:eu-west-1:123456789012:db:orders" },
      "Field 0.secretId: must be the full ARN",
    ],
    ["a wildcard", { secretId: `${arn.slice(0, -9)}*-AbCdEf` }, "Field 0.secretId: must be the full ARN"],
    [
      "another account's",
      { secretId: arn.replace("123456789012", "210987654321") },
      "Field 0.secretId: is of another account",
    ],
    [
      "another Region's",
      { secretId: arn.replace("eu-west-1", "us-east-1") },
      "Field 0.secretId: is in us-east-1, and this deploys to eu-west-1",
    ],
    [
      "a strategy that there is not",
      { strategy: "mysql-single-user" },
      "Field 0.strategy: there is no strategy of that name; there are: postgres-single-user",
    ],
    [
      "no administrator",
      { strategy: "postgres-alternating-users" },
      "Field 0.administratorSecretId: name the secret behind masterarn",
    ],
    [
      "a malformed administrator",
      { administratorSecretId: "a b" },
      "Field 0.administratorSecretId: must be a secret's name",
    ],
    ["a key's alias", { kmsKeyArn: "alias/orders" }, "Field 0.kmsKeyArn: must be the full ARN of a KMS key"],
    [
      "native for a managed secret",
      { secretId: "rds!db-0f1e2d3c" },
      'Field 0.mode: an AWS service manages this secret and rotates it itself, so "native" cannot be: set mode to "observed"',
    ],
    [
      "driven for a managed secret",
      { secretId: arn.replace("orders/db", "rds!db-0f1e2d3c"), mode: "driven" },
      'Field 0.mode: an AWS service manages this secret and rotates it itself, so "driven" cannot be',
    ],
  ])("%s", (_what, change, message) => {
    expect(() => check({ ...policy, ...change })).toThrowError(message);
    expect(() => check({ ...policy, ...change })).toThrowError(
      expect.objectContaining({ name: "ConfigurationInvalid" }),
    );
    expect(() => check({ ...policy, ...change })).toThrowError(/Nothing was deployed\.$/);
  });

  test("one secret by its name and by its ARN", () => {
    expect(() => check(policy, { ...policy, secretId: arn })).toThrowError(
      "Field 1.secretId: entry 0 is for the same secret",
    );
  });

  test("all of them at once", () => {
    expect(() => check({ ...policy, secretId: "a b" }, { ...policy, strategy: "none" })).toThrowError(
      /Field 0\.secretId.*Field 1\.strategy/,
    );
  });

  test("what is right passes", () => {
    check(policy, { ...policy, secretId: arn.replace("orders", "reports"), mode: "driven" });
    check({ secretId: "rds!db-0f1e2d3c", mode: "observed" });
  });
});

describe("a schedule that AWS refuses is refused before", () => {
  test.each<[string, PolicyInput["rotationRules"], string]>([
    [
      "under 4 hours",
      { scheduleExpression: "rate(3 hours)" },
      "Field 0.rotationRules.scheduleExpression: the shortest interval is 4 hours",
    ],
    [
      "in minutes",
      { scheduleExpression: "rate(300 minutes)" },
      "Field 0.rotationRules.scheduleExpression: a rate is in hours or days",
    ],
    [
      "minutes not 0",
      { scheduleExpression: "cron(30 2 ? * SUN *)" },
      "Field 0.rotationRules.scheduleExpression: minutes must be 0",
    ],
    [
      "a year",
      { scheduleExpression: "cron(0 2 ? * SUN 2027)" },
      "Field 0.rotationRules.scheduleExpression: year must be *",
    ],
    [
      "crossing days",
      { scheduleExpression: "cron(0 22 ? * SUN *)", duration: "3h" },
      "Field 0.rotationRules.scheduleExpression: the window extends into the next one",
    ],
    ["no schedule", { scheduleExpression: "every week" }, "Field 0.rotationRules.scheduleExpression"],
    ["0 days", { automaticallyAfterDays: 0 }, "Field 0.rotationRules.automaticallyAfterDays: must be within 1-1000"],
    [
      "a long window",
      { automaticallyAfterDays: 30, duration: "25h" },
      "Field 0.rotationRules.duration: must be 1h to 24h",
    ],
    [
      "both",
      { automaticallyAfterDays: 30, scheduleExpression: "rate(30 days)" },
      "Field 0.rotationRules: You can't set both",
    ],
    ["neither", {}, "Field 0.rotationRules: RotationRules needs"],
  ])("%s", (_what, rotationRules, message) => {
    expect(() => parsePolicies([{ ...policy, rotationRules }])).toThrowError(message);
  });

  test.each(["driven", "observed"] as const)("rules have no effect in mode %s", (mode) => {
    const rotationRules = { automaticallyAfterDays: 30 };
    expect(() => parsePolicies([{ ...policy, mode, rotationRules }])).toThrowError(
      `Field 0.rotationRules: has no effect in mode "${mode}"`,
    );
  });

  test("rules that AWS takes pass", () => {
    const rotationRules = { scheduleExpression: "cron(0 2/6 ? * * *)", duration: "2h" };
    expect(parsePolicies([{ ...policy, rotationRules }])[0]?.rotationRules).toEqual(rotationRules);
  });
});

describe("the deployment's own settings", () => {
  const network = { subnetIds: ["subnet-0a1b2c3d"], securityGroupIds: ["sg-0a1b2c3d"] };
  test.each<[string, object, string]>([
    [
      "a malformed subnet",
      { network: { postgresql: { ...network, subnetIds: ["subnet-1"] } } },
      "Field network.postgresql.subnetIds.0: must be a subnet's id",
    ],
    ["no subnet", { network: { postgresql: { ...network, subnetIds: [] } } }, "Field network.postgresql.subnetIds"],
    [
      "a malformed security group",
      { network: { dependents: { ...network, securityGroupIds: ["default"] } } },
      "Field network.dependents.securityGroupIds.0: must be a security group's id",
    ],
    ["an engine that there is not", { network: { mysql: network } }, "mysql"],
    ["a key's alias", { kmsKeyArn: "alias/rotor" }, "Field kmsKeyArn: must be the full ARN of a KMS key"],
    ["a bus's name", { rehearsesFor: ["rotation"] }, "Field rehearsesFor.0: must be the full ARN of an event bus"],
    ["a Region that is none", { region: "Frankfurt" }, 'Field region: must be a Region, such as "eu-west-1"'],
    ["no runbook", { runbook: undefined }, "Field runbook"],
    ["a tag of AWS's", { tags: { "aws:owner": "me" } }, "Field tags"],
  ])("%s is refused", (_what, change, message) => {
    expect(() => parseDeployment({ ...settings, ...change })).toThrowError(message);
    expect(() => parseDeployment({ ...settings, ...change })).toThrowError(/Nothing was deployed\.$/);
  });

  test("may be nothing but a Region and a runbook", () => {
    expect(parseDeployment(settings)).toMatchObject({ network: {}, rehearsesFor: [], tags: {} });
  });
});

describe("policies are bound to the secrets that are there", () => {
  const gate = { name: "rotor-dev-gate", ofAnyStage: /^rotor-[A-Za-z0-9-]+-gate$/ };
  const rotatedBy = (name: string) => `arn:aws:lambda:eu-west-1:123456789012:function:${name}`;
  const bind = (entry: Partial<PolicyInput>, found: Record<string, FoundSecret | string>) =>
    bindPolicies(parsePolicies([{ ...policy, ...entry }]), new Map(Object.entries(found)), gate);

  test("by their ARN, the administrator's too", () => {
    const admin = arn.replace("orders/db", "admin");
    const [bound] = bind({ administratorSecretId: "admin" }, { "orders/db": { arn }, admin: { arn: admin } });
    expect(bound).toMatchObject({ secretId: arn, administratorSecretId: admin });
  });

  test.each<[string, FoundSecret]>([
    ["that nothing rotates", { arn, kmsKeyId: "", rotationFunctionArn: "" }],
    ["under AWS's own key", { arn, kmsKeyId: "alias/aws/secretsmanager" }],
    ["that this stage rotates", { arn, rotationFunctionArn: rotatedBy("rotor-dev-gate") }],
    ["that a function of somebody else rotates until then", { arn, rotationFunctionArn: rotatedBy("their-rotation") }],
  ])("one %s is taken", (_what, found) => {
    expect(bind({}, { "orders/db": found })).toMatchObject([{ secretId: arn }]);
  });

  test.each<[string, Partial<PolicyInput>, FoundSecret | string, string]>([
    [
      "is not there",
      {},
      "couldn't find resource",
      'Field 0.secretId: the secret "orders/db" could not be read: couldn\'t find resource. Create it first.',
    ],
    [
      "has a key that is not declared",
      {},
      { arn, kmsKeyId: "1234abcd" },
      "Field 0.kmsKeyArn: the secret's values are under the key 1234abcd: give that key's full ARN",
    ],
    [
      "is rotated by another stage",
      {},
      { arn, rotationFunctionArn: rotatedBy("rotor-staging-gate") },
      "Field 0.secretId: rotor-staging-gate rotates this secret: take it out of that stage",
    ],
  ])("one that %s is refused", (_what, entry, found, message) => {
    expect(() => bind(entry, { "orders/db": found })).toThrow(message);
  });
});
