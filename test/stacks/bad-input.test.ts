import { expect, inject, test } from "vitest";
import { evaluate } from "./harness/graph.ts";

/** That `sst diff` and `sst deploy` refuse it: what is refused, and with which words, is in test/core. */
const bundles = inject("bundleDirectory");

function policies(entries: string): Readonly<Record<string, string>> {
  return { "rotation.config.ts": `export default [${entries}];` };
}

function settings(more: string): Readonly<Record<string, string>> {
  const text = `{ region: "eu-west-1", runbook: "https://example.com", ${more} }`;
  return { "deployment.config.ts": `export default ${text};` };
}

const ENTRY = '{ secretId: "orders/db", strategy: "postgres-single-user" }';
const ADMINISTERED = `{ secretId: "orders/db", strategy: "postgres-alternating-users", administratorSecretId: "with-key/admin" }`;
const many = Array.from({ length: 150 }, (_each, index) => ENTRY.replace("orders/db", `orders/db${index}`)).join();
const here = 'policies[0] ("orders/db")';

test.each<[string, Readonly<Record<string, string>>, string]>([
  [
    "a malformed secret",
    policies(ENTRY.replace("orders/db", "orders db")),
    "rotation.config cannot be deployed. policies[0].secretId: must be a secret's name",
  ],
  [
    "a strategy that there is not",
    policies(ENTRY.replace("single-user", "one-user")),
    `${here}.strategy: there is no strategy`,
  ],
  [
    "two policies for one secret",
    policies(`${ENTRY}, ${ENTRY}`),
    'policies[1] ("orders/db").secretId: policies[0] is for the same secret, in the same stage',
  ],
  [
    "a schedule that AWS refuses",
    policies(ENTRY.replace("}", ', rotationRules: { scheduleExpression: "rate(1 hour)" } }')),
    "the shortest interval is 4 hours",
  ],
  [
    "a dependent that nobody could ask",
    policies(
      ENTRY.replace(
        "}",
        ', dependents: [{ name: "a", kind: "http-endpoint", evidence: "weak", target: { verify: "no" } }] }',
      ),
    ),
    `${here}.dependents[0] ("a"): Dependent a, its target: Field verify: verify must be a URL`,
  ],
  [
    "an override that is over",
    policies(
      ENTRY.replace(
        "}",
        ', rehearsal: { accounts: ["210987654321"], override: { by: "a", reason: "b", until: "2020-01-01T00:00:00Z" } } }',
      ),
    ),
    `${here}.rehearsal.override.until: the override ended at 2020-01-01T00:00:00Z`,
  ],
  ["a secret that is not there", policies(ENTRY.replace("orders/db", "orders/absent")), "couldn't find resource"],
  [
    "a secret under a key that no policy names",
    policies(ENTRY.replace("orders", "with-key")),
    'policies[0] ("with-key/db").kmsKeyArn: the secret\'s values are under the key',
  ],
  [
    "an administrator's secret under a key that no policy names",
    policies(ADMINISTERED),
    `${here}.administratorKmsKeyArn: the secret's values are under the key`,
  ],
  [
    "a secret that another stage rotates",
    policies(ENTRY.replace("orders", "of-another-stage")),
    "rotor-other-gate rotates this secret",
  ],
  ["native for a managed secret", policies(ENTRY.replace("orders/db", "rds!orders")), 'set mode to "observed"'],
  ["more policies than a role's policy takes", policies(many), "The 150 policies of this stage need"],
  [
    "no policies, by mistake",
    { "rotation.config.ts": "export const policies = [];" },
    'rotation.config is not valid. The default export: must be a list of policies, and is missing: write "export default definePolicies([...])"',
  ],
  [
    "no settings, by mistake",
    { "deployment.config.ts": "export const settings = {};" },
    'deployment.config cannot be deployed. The default export: is missing: write "export default defineDeployment({...})"',
  ],
  [
    "no Region",
    settings("region: undefined"),
    'deployment.config cannot be deployed. region: must be a Region, such as "eu-west-1". Nothing was deployed.',
  ],
  [
    "a malformed subnet",
    settings('network: { postgresql: { subnetIds: ["subnet-1"], securityGroupIds: ["sg-0a1b2c3d"] } }'),
    "network.postgresql.subnetIds[0]: must be a subnet's id",
  ],
  [
    "another account's key",
    settings('kmsKeyArn: "arn:aws:kms:eu-west-1:210987654321:key/22222222-2222-4222-8222-222222222222"'),
    "deployment.config cannot be deployed. kmsKeyArn: is of account 210987654321, and this deploys to 123456789012",
  ],
  [
    "rehearsals for itself",
    settings('rehearsesFor: ["arn:aws:events:eu-west-1:123456789012:event-bus/rotor-dev-rotation"]'),
    "rehearsesFor[0]: is this deployment's own bus",
  ],
])("%s is refused before anything is created", async (_what, replacements, message) => {
  const { graph, errors } = await evaluate({ stage: "dev", replacements, bundles });
  expect(graph).toBeUndefined();
  expect(errors).toContain(message);
});

test("a Region that is none is refused before the CLI is given one", async () => {
  const replacements = settings('region: "Frankfurt"');
  const { errors } = await evaluate({ stage: "dev", replacements, bundles });
  expect(errors).toContain('region: must be a Region, such as "eu-west-1"');
  // Of the CLI's two calls of the configuration the first.
  expect(errors).toMatch(/\bapp\b/);
  expect(errors).not.toMatch(/\bcreateRotor\b/);
});

test("a stage with a long name is refused, with the length that is possible", async () => {
  const { errors } = await evaluate({ stage: "a".repeat(60), bundles });
  expect(errors).toMatch(/AWS takes 64: use a stage with a name of at most \d+/);
});
