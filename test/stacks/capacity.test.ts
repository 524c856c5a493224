import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { type Deployment, parseDeployment } from "../../core/deployment.ts";
import { type Policy, type PolicyInput, parsePolicies } from "../../core/policies.ts";

/** How many policies fit into one stage: what docs/deploy.md says is counted with the stacks' own builder of permissions. */
const LENGTHS = [11, 25, 40];
const MOST = 200;

interface Permissions {
  checkPermissions(grants: { names: unknown; policies: readonly Policy[]; deployment: Deployment }): void;
}
let stacks: Permissions;
beforeAll(async () => {
  // Not by a name that the compiler would follow: SST's globals are known in the stacks only.
  const module = "../../stacks/permissions.ts";
  stacks = (await import(module)) as Permissions;
});

const names = {
  ...{ partition: "aws", account: "123456789012", region: "eu-west-1" },
  of: (thing: string) => `rotor-production-${thing}`,
  arn: (service: string, resource: string) => `arn:aws:${service}:eu-west-1:123456789012:${resource}`,
};
const named = (kind: string, index: number, length: number) => `${kind}${index}`.padEnd(length, "x");
const secret = (kind: string, index: number, length: number) =>
  names.arn("secretsmanager", `secret:${named(kind, index, length)}-AbCdEf`);
const key = (index: number) => names.arn("kms", `key/${String(index).padStart(8, "0")}-1111-4111-8111-111111111111`);
const settings = {
  region: "eu-west-1",
  runbooks: { alarms: "https://runbooks.example.com/rotor", errors: "https://runbooks.example.com/errors" },
};
const network = { subnetIds: ["subnet-0a1b2c3d"], securityGroupIds: ["sg-0a1b2c3d"] };
const everything = { ...settings, network: { postgresql: network, dependents: network }, kmsKeyArn: key(99_999_999) };

type Entry = (index: number, length: number) => PolicyInput;
const single: Entry = (index, length) => ({ secretId: secret("s", index, length), strategy: "postgres-single-user" });
const alternating: Entry = (index, length) => ({
  ...single(index, length),
  strategy: "postgres-alternating-users",
  administratorSecretId: secret("a", index, length),
});

type Target = (index: number, length: number) => object;
const ecs =
  (clusterOf: (index: number, length: number) => string): Target =>
  (index, length) => ({ cluster: clusterOf(index, length), service: named("e", index, length) });
const withDependent =
  (kind: string, target: Target): Entry =>
  (index, length) => ({
    ...single(index, length),
    dependents: [{ name: "api", kind, evidence: "weak", target: target(index, length) }],
  });

test.each<[string, Entry]>([
  [
    "single user, of any mode",
    (index, length) => ({ ...single(index, length), mode: index % 2 ? "observed" : "native" }),
  ],
  [
    "alternating users, one administrator",
    (index, length) => ({ ...alternating(index, length), administratorSecretId: secret("a", 0, length) }),
  ],
  ["alternating users, each with an administrator of its own", alternating],
  ["single user, each with a key of its own", (index, length) => ({ ...single(index, length), kmsKeyArn: key(index) })],
  [
    "alternating users, each with an administrator, a key and an administrator's key of its own",
    (index, length) => ({
      ...alternating(index, length),
      kmsKeyArn: key(index),
      administratorKmsKeyArn: key(index + MOST),
    }),
  ],
  [
    "single user, each with an ECS service of one cluster",
    withDependent(
      "ecs-service",
      ecs(() => "production"),
    ),
  ],
  [
    "single user, each with an ECS service of a cluster of its own",
    withDependent(
      "ecs-service",
      ecs((index, length) => named("c", index, length)),
    ),
  ],
  [
    "single user, each with a Lambda function",
    withDependent("lambda-function", (index, length) => ({
      functionName: named("f", index, length),
      invoke: ["verify"],
    })),
  ],
])("docs/deploy.md says how many policies fit into a stage: %s", (what, entry) => {
  const counts = LENGTHS.map((length) => {
    const policies = parsePolicies(Array.from({ length: MOST }, (_each, index) => entry(index, length)));
    return `${mostOf(policies, everything)} to ${mostOf(policies, settings)}`;
  });
  const document = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
  const row = document.split("\n").find((line) => line.startsWith(`| ${what} |`));
  expect(row).toBe(`| ${[what, ...counts].join(" | ")} |`);
});

/** How many of the policies, from the first on, every role has room for. */
function mostOf(policies: readonly Policy[], input: unknown): number {
  const deployment = parseDeployment(input);
  let [fits, tooMany] = [0, policies.length];
  while (tooMany - fits > 1) {
    const count = Math.floor((fits + tooMany) / 2);
    try {
      stacks.checkPermissions({ names, policies: policies.slice(0, count), deployment });
      fits = count;
    } catch {
      tooMany = count;
    }
  }
  return fits;
}
