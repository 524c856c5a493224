import { beforeAll, expect, inject, test } from "vitest";
import { type Evaluation, evaluate, evaluateAll } from "./harness/graph.ts";

/** That `sst diff` and `sst deploy` refuse it: what is refused, and with which words, is in test/core. */
const bundles = inject("bundleDirectory");

function policies(entries: string): Readonly<Record<string, string>> {
  return { "rotation.config.ts": `export default [${entries}];` };
}

function settings(more: string): Readonly<Record<string, string>> {
  const text = `{ region: "eu-west-1", runbooks: { alarms: "https://example.com", errors: "https://example.com" }, ${more} }`;
  return { "deployment.config.ts": `export default ${text};` };
}

/** An entry for the secret, with what is wrong about it. */
function entry(secretId: string, more = 'strategy: "postgres-single-user"'): string {
  return `{ secretId: "${secretId}", ${more} }`;
}

const SINGLE = 'strategy: "postgres-single-user"';
const many = Array.from({ length: 150 }, (_each, index) => entry(`orders/db${index}`)).join();
const DEPENDENT = `${SINGLE}, dependents: [{ name: "a", kind: "http-endpoint", evidence: "weak", target: { verify: "no" } }]`;
const OVERRIDE = `${SINGLE}, rehearsal: { accounts: ["210987654321"], override: { by: "a", reason: "b", until: "2020-01-01T00:00:00Z" } }`;
const ADMINISTERED = 'strategy: "postgres-alternating-users", administratorSecretId: "with-key/admin"';

/** What is wrong, the configuration with it, and what is said of it. */
const CASES: readonly [string, Readonly<Record<string, string>>, readonly string[]][] = [
  [
    "what no account would take",
    policies([entry("a/db", `${SINGLE}, rotationRules: { scheduleExpression: "rate(1 hour)" }`)].join()),
    ['policies[0] ("a/db").rotationRules.scheduleExpression: the shortest interval is 4 hours'],
  ],
  [
    "a secret with two policies",
    policies([entry("b/db"), entry("b/db")].join()),
    ['policies[1] ("b/db").secretId: policies[0] is for the same secret, in the same stage'],
  ],
  [
    "what this account and this day do not take",
    policies(
      [
        entry("orders db"),
        entry("b/db", 'strategy: "postgres-one-user"'),
        entry("c/db", DEPENDENT),
        entry("d/db", OVERRIDE),
        entry("rds!e"),
      ].join(),
    ),
    [
      "rotation.config cannot be deployed. policies[0].secretId: must be a secret's name",
      'policies[1] ("b/db").strategy: there is no strategy',
      'policies[2] ("c/db").dependents[0] ("a"): Dependent a, its target: Field verify: verify must be a URL',
      'policies[3] ("d/db").rehearsal.override.until: the override ended at 2020-01-01T00:00:00Z',
      'set mode to "observed"',
    ],
  ],
  [
    "secrets that are not there, or not as their policy has them",
    policies(
      [entry("orders/absent"), entry("with-key/db"), entry("c/db", ADMINISTERED), entry("of-another-stage/db")].join(),
    ),
    [
      "couldn't find resource",
      'policies[1] ("with-key/db").kmsKeyArn: the secret\'s values are under the key',
      'policies[2] ("c/db").administratorKmsKeyArn: the secret\'s values are under the key',
      "rotor-other-gate rotates this secret",
    ],
  ],
  ["more policies than a role's policy takes", policies(many), ["The 150 policies of this stage need"]],
  [
    "no list of policies",
    { "rotation.config.ts": "export const policies = [];" },
    [
      'rotation.config is not valid. The default export: must be a list of policies, and is missing: write "export default definePolicies([...])"',
    ],
  ],
  [
    "no settings",
    { "deployment.config.ts": "export const settings = {};" },
    [
      'deployment.config cannot be deployed. The default export: is missing: write "export default defineDeployment({...})"',
    ],
  ],
  [
    "a malformed subnet",
    settings('network: { postgresql: { subnetIds: ["subnet-1"], securityGroupIds: ["sg-0a1b2c3d"] } }'),
    ["deployment.config cannot be deployed. network.postgresql.subnetIds[0]: must be a subnet's id"],
  ],
  [
    "a key and a bus that are not for this deployment",
    settings(`kmsKeyArn: "arn:aws:kms:eu-west-1:210987654321:key/22222222-2222-4222-8222-222222222222",
      rehearsesFor: ["arn:aws:events:eu-west-1:123456789012:event-bus/rotor-dev-rotation"]`),
    [
      "deployment.config cannot be deployed. kmsKeyArn: is of account 210987654321, and this deploys to 123456789012",
      "rehearsesFor[0]: is this deployment's own bus",
    ],
  ],
];
let evaluations: readonly Evaluation[];

beforeAll(async () => {
  evaluations = await evaluateAll(CASES.map(([, replacements]) => ({ stage: "dev", replacements, bundles })));
});

test.each(CASES.map(([what, , messages], index) => [what, messages, index] as const))(
  "%s is refused before anything is created",
  (_what, messages, index) => {
    const { graph, errors = "", registered = [] } = evaluations[index] ?? {};
    expect(graph).toBeUndefined();
    for (const message of messages) expect(errors).toContain(message);
    expect(registered.filter((each) => each.startsWith("aws:"))).toEqual([]);
  },
);

test("a Region that is none is refused before the CLI is given one", async () => {
  const replacements = settings('region: "Frankfurt"');
  const { errors } = await evaluate({ stage: "dev", replacements, bundles, traces: true });
  expect(errors).toContain(
    'deployment.config cannot be deployed. region: must be a Region, such as "eu-west-1". Nothing was deployed.',
  );
  // Of the CLI's two calls of the configuration the first.
  expect(errors).toMatch(/\bapp\b/);
  expect(errors).not.toMatch(/\bcreateRotor\b/);
});

test("a stage with a long name is refused, with the length that is possible", async () => {
  const { errors } = await evaluate({ stage: "a".repeat(60), bundles });
  expect(errors).toMatch(/AWS takes 64: use a stage with a name of at most \d+/);
});
