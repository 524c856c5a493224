import { describe, expect, test } from "vitest";
import { bindPolicies, type FoundSecret, secretsNamedIn } from "../../core/bind-policies.ts";
import { type PolicyInput, parsePolicies } from "../../core/policies.ts";

const own = {
  ...{ stage: "dev", account: "123456789012" },
  ...{ gates: ["rotor-dev-gate", "rotor-dev-gate-redis"], anyGate: /^rotor-[A-Za-z0-9-]+-gate(|-redis)$/ },
};
const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf";
const admin = arn.replace("orders/db", "admin");
const key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const otherKey = key.replace("123456789012", "210987654321");
const policy = { secretId: "orders/db", strategy: "postgres-single-user" } as const;
const administered = { administratorSecretId: "admin" };
const webhook = arn.replace("orders/db", "rotor/key");
const signed = (signing: { readonly secretId: string; readonly kmsKeyArn?: string }) => ({
  dependents: [
    { name: "plain", kind: "database-sessions", target: {}, application: "plain" },
    {
      ...{ name: "api", kind: "http-endpoint", application: "api" },
      target: { verify: "https://a.example/", refresh: "https://a.example/", signing },
    },
  ],
});
const rotatedBy = (name: string) => `arn:aws:lambda:eu-west-1:123456789012:function:${name}`;

function bind(entry: Partial<PolicyInput>, found: Readonly<Record<string, FoundSecret | string>>) {
  return bindPolicies(parsePolicies([{ ...policy, ...entry }]), new Map(Object.entries(found)), own);
}

describe("policies are bound to the secrets that are there", () => {
  test("by their ARN, the administrator's too", () => {
    const [bound] = bind(administered, { "orders/db": { arn }, admin: { arn: admin } });
    expect(bound).toMatchObject({ secretId: arn, administratorSecretId: admin });
  });

  test("the key for signing by its ARN, too, and nothing else of its dependent is changed", () => {
    const entry = signed({ secretId: "rotor/key", kmsKeyArn: key });
    const [bound] = bind(entry, { "orders/db": { arn }, "rotor/key": { arn: webhook, kmsKeyId: key } });
    const [plain, api] = parsePolicies([{ ...policy, ...entry }])[0]?.dependents ?? [];
    const target = { ...Object(api?.target), signing: { secretId: webhook, kmsKeyArn: key } };
    expect(bound?.dependents).toEqual([plain, { ...api, target }]);
  });

  test("what has to be looked for are the secrets of the policy, of its administrator and of its keys for signing", () => {
    const [entry] = parsePolicies([{ ...policy, ...administered, ...signed({ secretId: webhook }) }]);
    expect(entry && secretsNamedIn(entry)).toEqual(["orders/db", "admin", webhook]);
  });

  test("those of other stages are left out, and not looked for", () => {
    const all = parsePolicies([
      { ...policy, secretId: "a", stages: ["production"] },
      { ...policy, stages: ["dev"] },
    ]);
    expect(bindPolicies(all, new Map([["orders/db", { arn }]]), own)).toMatchObject([{ secretId: arn }]);
    // The place in the list is that of the file.
    expect(() => bindPolicies(all, new Map([["orders/db", "gone"]]), own)).toThrowError(
      'policies[1] ("orders/db").secretId: the secret "orders/db" could not be read: gone. Create it first.',
    );
  });

  test.each<[string, Partial<PolicyInput>, FoundSecret]>([
    ["that nothing rotates", {}, { arn, kmsKeyId: "", rotationFunctionArn: "" }],
    ["under AWS's own key", {}, { arn, kmsKeyId: "alias/aws/secretsmanager" }],
    ["under AWS's own key by its ARN", {}, { arn, kmsKeyId: key.replace(/key\/.*/, "alias/aws/secretsmanager") }],
    ["under the key that is declared", { kmsKeyArn: key }, { arn, kmsKeyId: key }],
    ["that has yet to go under the key that is declared", { kmsKeyArn: key }, { arn, kmsKeyId: "" }],
    ["under another account's key", { kmsKeyArn: otherKey }, { arn, kmsKeyId: otherKey }],
    [
      "under the alias of another account's key",
      { kmsKeyArn: otherKey },
      { arn, kmsKeyId: otherKey.replace(/key\/.*/, "alias/shared") },
    ],
    ["that nobody reads, under a key", { mode: "observed", strategy: undefined }, { arn, kmsKeyId: key }],
    ["that this stage rotates", {}, { arn, rotationFunctionArn: rotatedBy("rotor-dev-gate") }],
    [
      "that this stage rotates as another engine's",
      {},
      { arn, rotationFunctionArn: rotatedBy("rotor-dev-gate-redis") },
    ],
    ["that a function of somebody else rotates until then", {}, { arn, rotationFunctionArn: rotatedBy("theirs") }],
    [
      "that another stage rotates, and this one only when it is asked",
      { mode: "driven" },
      { arn, rotationFunctionArn: rotatedBy("rotor-staging-gate") },
    ],
  ])("one %s is taken", (_what, entry, found) => {
    expect(bind(entry, { "orders/db": found })).toMatchObject([{ secretId: arn }]);
  });

  test.each(["rotor-dev-gate", "rotor-staging-gate:live"])("the gate %s is no function to be driven", (name) => {
    const entry = { strategy: "lambda", rotationFunctionArn: rotatedBy(name) };
    expect(() => bind(entry, { "orders/db": { arn } })).toThrow(
      '("orders/db").rotationFunctionArn: is a gate of Rotor',
    );
    const other = { ...entry, rotationFunctionArn: rotatedBy("rotor-orders") };
    expect(bind(other, { "orders/db": { arn } })).toMatchObject([{ secretId: arn }]);
  });

  test.each<[string, Partial<PolicyInput>, Readonly<Record<string, FoundSecret | string>>, string]>([
    [
      "is not there",
      {},
      { "orders/db": "couldn't find resource" },
      'secretId: the secret "orders/db" could not be read: couldn\'t find resource. Create it first.',
    ],
    [
      "has a key that is not declared",
      {},
      { "orders/db": { arn, kmsKeyId: "1234abcd" } },
      "kmsKeyArn: the secret's values are under the key 1234abcd: give that key's full ARN.",
    ],
    [
      "is under AWS's own key, and not under another account's",
      { kmsKeyArn: otherKey },
      { "orders/db": { arn } },
      "kmsKeyArn: is a key of account 210987654321, and the secret's values are under AWS's own key: give that one's ARN, or none for AWS's own.",
    ],
    [
      "is under a key of this account, and not under another account's",
      { kmsKeyArn: otherKey },
      { "orders/db": { arn, kmsKeyId: key.replace(/key\/.*/, "alias/mine") } },
      "kmsKeyArn: is a key of account 210987654321, and the secret's values are under the key arn:aws:kms:eu-west-1:123456789012:alias/mine",
    ],
    [
      "is rotated by another stage",
      {},
      { "orders/db": { arn, rotationFunctionArn: rotatedBy("rotor-staging-gate") } },
      "secretId: rotor-staging-gate rotates this secret: take it out of that stage",
    ],
    [
      "has an administrator that is not there",
      administered,
      { "orders/db": { arn }, admin: "couldn't find resource" },
      'administratorSecretId: the secret "admin" could not be read: couldn\'t find resource. Create it first.',
    ],
    [
      "has an administrator under a key that is not declared",
      { ...administered, kmsKeyArn: key },
      { "orders/db": { arn, kmsKeyId: key }, admin: { arn: admin, kmsKeyId: "5678abcd" } },
      "administratorKmsKeyArn: the secret's values are under the key 5678abcd: give that key's full ARN.",
    ],
    [
      "has an administrator that is not under another account's key",
      { ...administered, administratorKmsKeyArn: otherKey },
      { "orders/db": { arn }, admin: { arn: admin } },
      "administratorKmsKeyArn: is a key of account 210987654321, and the secret's values are under AWS's own key",
    ],
    [
      "has a key for signing that is not there",
      signed({ secretId: "rotor/key" }),
      { "orders/db": { arn }, "rotor/key": "couldn't find resource" },
      'dependents[1] ("api").target.signing.secretId: the secret "rotor/key" could not be read: couldn\'t find resource. Create it first.',
    ],
    [
      "has a key for signing under a key that is not declared",
      signed({ secretId: "rotor/key" }),
      { "orders/db": { arn }, "rotor/key": { arn: webhook, kmsKeyId: "5678abcd" } },
      "dependents[1] (\"api\").target.signing.kmsKeyArn: the secret's values are under the key 5678abcd: give that key's full ARN.",
    ],
    [
      "signs with what it rotates, called otherwise",
      signed({ secretId: arn }),
      { "orders/db": { arn }, [arn]: { arn } },
      'dependents[1] ("api").target.signing.secretId: is a secret that a policy is for, or an administrator\'s, and no key for signing: give the key a secret of its own.',
    ],
    [
      "signs with its administrator's secret",
      { ...administered, ...signed({ secretId: admin }) },
      { "orders/db": { arn }, admin: { arn: admin }, [admin]: { arn: admin } },
      'dependents[1] ("api").target.signing.secretId: is a secret that a policy is for, or an administrator\'s',
    ],
  ])("one that %s is refused", (_what, entry, found, message) => {
    expect(() => bind(entry, found)).toThrowError(
      `rotation.config cannot be deployed. policies[0] ("orders/db").${message}`,
    );
    expect(() => bind(entry, found)).toThrowError(/Nothing was deployed\.$/);
  });
});
