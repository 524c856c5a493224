import { expect, inject, test } from "vitest";
import { evaluate } from "./harness/graph.ts";

/** That `sst diff` and `sst deploy` refuse it: what is refused, and with which words, is in test/core/deployment.test.ts. */
const bundles = inject("bundleDirectory");

function policies(entries: string): Readonly<Record<string, string>> {
  return { "rotation.config.ts": `export default [${entries}];` };
}

const ENTRY = '{ secretId: "orders/db", strategy: "postgres-single-user" }';
const many = Array.from({ length: 150 }, (_each, index) => ENTRY.replace("orders/db", `orders/db${index}`)).join();
const subnet = `{ region: "eu-west-1", runbook: "https://example.com",
  network: { postgresql: { subnetIds: ["subnet-1"], securityGroupIds: ["sg-0a1b2c3d"] } } }`;

test.each<[string, Readonly<Record<string, string>>, string]>([
  [
    "a malformed secret",
    policies(ENTRY.replace("orders/db", "orders db")),
    "Field 0.secretId: must be a secret's name",
  ],
  [
    "a strategy that there is not",
    policies(ENTRY.replace("single-user", "one-user")),
    "Field 0.strategy: there is no strategy",
  ],
  ["two policies for one secret", policies(`${ENTRY}, ${ENTRY}`), 'two policies are for the secret "orders/db"'],
  [
    "a schedule that AWS refuses",
    policies(ENTRY.replace("}", ', rotationRules: { scheduleExpression: "rate(1 hour)" } }')),
    "the shortest interval is 4 hours",
  ],
  ["a secret that is not there", policies(ENTRY.replace("orders/db", "orders/absent")), "couldn't find resource"],
  [
    "a secret under a key that no policy names",
    policies(ENTRY.replace("orders", "with-key")),
    "Field 0.kmsKeyArn: the secret's values are under the key",
  ],
  [
    "a secret that another stage rotates",
    policies(ENTRY.replace("orders", "of-another-stage")),
    "rotor-other-gate rotates this secret",
  ],
  ["native for a managed secret", policies(ENTRY.replace("orders/db", "rds!orders")), 'set mode to "observed"'],
  ["more policies than a role's policy takes", policies(many), "the 150 policies need"],
  [
    "a malformed subnet",
    { "deployment.config.ts": `export default ${subnet};` },
    "Field network.postgresql.subnetIds.0: must be a subnet's id",
  ],
])("%s is refused before anything is created", async (_what, replacements, message) => {
  const { graph, errors } = await evaluate({ stage: "dev", replacements, bundles });
  expect(graph).toBeUndefined();
  expect(errors).toContain(message);
});

test("a stage with a long name is refused, with the length that is possible", async () => {
  const { errors } = await evaluate({ stage: "a".repeat(60), bundles });
  expect(errors).toMatch(/AWS takes 64: use a stage with a name of at most \d+/);
});
