import { beforeAll, expect, inject, test } from "vitest";
import { type Evaluation, evaluateAll } from "./harness/graph.ts";

/** The rotation that a new user is told to make first. */
const NATIVE = '{ secretId: "orders/db", strategy: "postgres-single-user" }';
const DRIVEN = '{ secretId: "orders/db", strategy: "postgres-single-user", mode: "driven" }';
const OBSERVED = '{ secretId: "rds!orders", mode: "observed" }';
const ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf";
const EVENT = {
  EventBusName: "rotor-dev-rotation",
  Source: "platform.rotation",
  DetailType: "Rotation Requested",
  Detail: JSON.stringify({ secretId: ARN, expectedVersionId: "<VersionId of AWSCURRENT>" }),
};

/** What there is, the policies, and what is said. */
const CASES: readonly [string, string, string][] = [
  ["no policy is to write one", "", "Name a secret in rotation.config.ts and deploy again."],
  [
    "a native secret is RotateSecret, also where an observed one is named first",
    `${OBSERVED}, ${NATIVE}`,
    `aws secretsmanager rotate-secret --secret-id ${ARN}`,
  ],
  [
    "a driven secret is an event on the stage's own bus",
    DRIVEN,
    `aws events put-events --entries '${JSON.stringify([EVENT])}'`,
  ],
  [
    "an observed secret is its owner's",
    OBSERVED,
    `What owns ${ARN.replace("orders/db", "rds!orders")} rotates it; then Rotor follows.`,
  ],
];
let evaluations: readonly Evaluation[];

beforeAll(async () => {
  const requests = CASES.map(([, policies]) => ({
    stage: "dev",
    replacements: { "rotation.config.ts": `export default [${policies}];` },
    bundles: inject("bundleDirectory"),
  }));
  evaluations = await evaluateAll(requests);
});

test.each(CASES.map(([what, , said], index) => [what, said, index] as const))(
  "what comes first with %s",
  (_what, said, index) => {
    const { graph, errors } = evaluations[index] ?? {};
    expect(errors).toBe("");
    expect(graph?.outputs["next-4-first-rotation"]).toBe(said);
  },
);
