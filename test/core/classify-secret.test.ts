import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classifySecret, SECRET_CLASSES } from "../../core/classify-secret.ts";
import { managedRotationOffer } from "../../core/managed-rotation.ts";
import type { Secret } from "../../core/versions/secret.ts";

const gateFunctionArn = "arn:aws:lambda:eu-west-1:123456789012:function:rotor-gate";
const foreign = "arn:aws:lambda:eu-west-1:123456789012:function:SecretsManagerRDSPostgreSQLRotationSingleUser";
const place = { gateFunctionArn, region: "eu-west-1" };

function secret(what: Partial<Secret> = {}): Secret {
  return {
    arn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf",
    name: "orders/db",
    hasRotationRules: false,
    deleted: false,
    tags: {},
    labels: {},
    ...what,
  };
}
const ours = { rotationEnabled: true, rotationLambdaArn: gateFunctionArn, hasRotationRules: true };

describe("a secret", () => {
  test.each<[string, Partial<Secret>, string, string]>([
    ["without anything", {}, "never configured", "workflow"],
    ["with rotation said to be off, and no settings", { rotationEnabled: false }, "never configured", "workflow"],
    [
      "whose rotation is off and has rules",
      { rotationEnabled: false, hasRotationRules: true },
      "cancelled",
      "workflow",
    ],
    ["whose rotation is off and has our function", { ...ours, rotationEnabled: false }, "cancelled", "workflow"],
    [
      "whose rotation is off and has any function",
      { rotationEnabled: false, rotationLambdaArn: foreign },
      "cancelled",
      "workflow",
    ],
    ["with rules and nothing said of rotation", { hasRotationRules: true }, "cancelled", "workflow"],
    ["with our function", ours, "native ours", "RotateSecret"],
    [
      "with an alias of our function",
      { ...ours, rotationLambdaArn: `${gateFunctionArn}:live` },
      "native ours",
      "RotateSecret",
    ],
    [
      "with a version of our function",
      { ...ours, rotationLambdaArn: `${gateFunctionArn}:42` },
      "native ours",
      "RotateSecret",
    ],
    [
      "with $LATEST of our function",
      { ...ours, rotationLambdaArn: `${gateFunctionArn}:$LATEST` },
      "native ours",
      "RotateSecret",
    ],
    ["with our function and no rules", { ...ours, hasRotationRules: false }, "native ours", "RotateSecret"],
    [
      "with a function whose name begins like ours",
      { ...ours, rotationLambdaArn: `${gateFunctionArn}-old` },
      "native foreign",
      "no",
    ],
    [
      "with two suffixes to our function",
      { ...ours, rotationLambdaArn: `${gateFunctionArn}:a:b` },
      "native foreign",
      "no",
    ],
    [
      "with an empty suffix to our function",
      { ...ours, rotationLambdaArn: `${gateFunctionArn}:` },
      "native foreign",
      "no",
    ],
    [
      "with our function's name in another account",
      { ...ours, rotationLambdaArn: gateFunctionArn.replace("123456789012", "210987654321") },
      "native foreign",
      "no",
    ],
    ["with another function", { rotationEnabled: true, rotationLambdaArn: foreign }, "native foreign", "no"],
    ["rotated in a way that is not named", { rotationEnabled: true }, "native foreign", "no"],
    ["of a service that rotates it", { owningService: "rds", rotationEnabled: true }, "managed", "owner"],
    ["of a service, not rotated", { owningService: "appflow" }, "managed", "no"],
    [
      "of a service, rotation off",
      { owningService: "rds", rotationEnabled: false, hasRotationRules: true },
      "managed",
      "no",
    ],
    ["of a service, with our function", { ...ours, owningService: "rds" }, "managed", "owner"],
    ["of a partner, rotated", { type: "SalesforceClientSecret", rotationEnabled: true }, "managed external", "owner"],
    ["of a partner, not rotated", { type: "SalesforceClientSecret" }, "managed external", "no"],
    [
      "of a partner and a service",
      { type: "SnowflakePat", owningService: "rds", rotationEnabled: true },
      "managed external",
      "owner",
    ],
    ["replicated here", { ...ours, primaryRegion: "us-east-1" }, "replica", "no"],
    ["replicated from here", { ...ours, primaryRegion: "eu-west-1" }, "native ours", "RotateSecret"],
    [
      "of a service, replicated here",
      { owningService: "rds", rotationEnabled: true, primaryRegion: "us-east-1" },
      "replica",
      "no",
    ],
    ["of a partner, replicated here", { type: "SnowflakePat", primaryRegion: "us-east-1" }, "replica", "no"],
    ["to be deleted", { ...ours, deleted: true }, "pending deletion", "no"],
    [
      "to be deleted, and all else",
      { ...ours, deleted: true, primaryRegion: "us-east-1", type: "SnowflakePat", owningService: "rds" },
      "pending deletion",
      "no",
    ],
  ])("%s is of one class, which says how it is rotated", (_what, fields, expected, rotate) => {
    const { class: is, can } = classifySecret(secret(fields), place);
    expect({ is, rotate: can.rotate }).toEqual({ is: expected, rotate });
  });

  const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
  const any = fc.record({
    arn: fc.string(),
    name: fc.string({ minLength: 1 }),
    rotationEnabled: optional(fc.boolean()),
    rotationLambdaArn: optional(
      fc.oneof(fc.constantFrom(gateFunctionArn, `${gateFunctionArn}:live`, foreign), fc.string()),
    ),
    hasRotationRules: fc.boolean(),
    owningService: optional(fc.constantFrom("rds", "redshift", "ecs-sc", "?")),
    type: optional(fc.constantFrom("SalesforceClientSecret", "?")),
    primaryRegion: optional(fc.constantFrom("eu-west-1", "us-east-1")),
    deleted: fc.boolean(),
    tags: fc.dictionary(fc.string(), fc.string()),
    labels: fc.dictionary(fc.string(), fc.array(fc.string())),
  });

  test("of any description is of a known class, and the same twice", () => {
    fc.assert(
      fc.property(any, (each) => {
        const found = classifySecret(each, place);
        expect(SECRET_CLASSES).toContain(found.class);
        expect(found.said).toContain(each.name);
        expect(found).toEqual(classifySecret(each, place));
      }),
    );
  });

  test("that somebody else's versions are written in is neither changed nor rolled back by us", () => {
    fc.assert(
      fc.property(any, (each) => {
        const isOthers = each.deleted || each.type !== undefined || each.owningService !== undefined;
        const isReplica = each.primaryRegion !== undefined && each.primaryRegion !== "eu-west-1";
        const { can } = classifySecret(each, place);
        expect(can.rollBackLabels).toBe(!isOthers && !isReplica);
        if (isOthers || isReplica) expect(["owner", "no"]).toContain(can.rotate);
        if (each.rotationEnabled !== true) expect(can.rotate).not.toBe("RotateSecret");
        // Two at work on one secret: with rotation enabled the workflow never writes of its own accord.
        if (each.rotationEnabled === true) expect(can.rotate).not.toBe("workflow");
      }),
    );
  });
});

describe("managed rotation is offered", () => {
  test.each([
    ["postgres-single-user", {}, /Amazon RDS instance or Aurora cluster.*ManageMasterUserPassword/],
    ["mysql-alternating-users", {}, /Amazon RDS/],
    ["mariadb-single-user", {}, /Amazon RDS/],
    ["redshift-single-user", {}, /Amazon Redshift/],
    ["documentdb-single-user", {}, /Amazon DocumentDB/],
    ["snowflake-pat", {}, /SnowflakeKeyPairAuthentication or SnowflakePat/],
    ["datadog-keys", {}, /DatadogApiKey, DatadogApplicationKey or DatadogAdminKey/],
    ["lambda", { "aws:rds:primaryDBClusterArn": "arn" }, /Amazon RDS/],
    ["lambda", { "aws:redshift-serverless:namespaceArn": "arn" }, /Amazon Redshift/],
    [undefined, { "aws:rds:primaryDBInstanceArn": "arn" }, /Amazon RDS/],
  ])("for strategy %s and tags %j, on a condition", (strategy, tags, offer) => {
    const said = managedRotationOffer(secret({ tags }), { strategy });
    expect(said).toMatch(offer);
    expect(said).toMatch(/If orders\/db is one, .* managedRotation\.declined/);
  });

  test.each([
    ["a kind that AWS has none for", secret(), "rabbitmq-user"],
    ["a strategy that only begins like one", secret(), "postgresql2-user"],
    ["no strategy", secret(), undefined],
    ["tags of people", secret({ tags: { "team:rds": "x", "rds:": "y" } }), "lambda"],
    ["a secret that a service manages", secret({ owningService: "rds" }), "postgres-single-user"],
    ["a secret that a partner manages", secret({ type: "SnowflakePat" }), "snowflake-pat"],
  ])("not for %s", (_what, each, strategy) => {
    expect(managedRotationOffer(each, { strategy })).toBeUndefined();
  });
});
