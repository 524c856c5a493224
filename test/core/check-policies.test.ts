import { describe, expect, test } from "vitest";
import { checkPolicies } from "../../core/check-policies.ts";
import { problemsOfRotationFunction } from "../../core/check-rotation-function.ts";
import { type PolicyInput, parsePolicies } from "../../core/policies.ts";

const here = {
  partition: "aws",
  account: "123456789012",
  region: "eu-west-1",
  stage: "dev",
  nowMs: Date.parse("2026-06-01T12:00:00Z"),
};
const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf";
const key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const policy = { secretId: "orders/db", strategy: "postgres-single-user" } as const;
const driven = { ...policy, mode: "driven" } as const;
const observed = { secretId: "orders/db", mode: "observed" } as const;
const alternating = { ...policy, strategy: "postgres-alternating-users", administratorSecretId: "admin" } as const;
const target = { verify: "https://orders.internal/health" };
const dependent = { name: "api", kind: "http-endpoint", target, application: "api" } as const;

const ecs = (more: object) => ({
  ...{ ...dependent, kind: "ecs-service" },
  target: { cluster: "production", service: "orders", ...more },
});
const lambdaFn = (functionName: string) => ({ ...dependent, kind: "lambda-function", target: { functionName } });
const signed = (signing: object) => ({ ...dependent, target: { ...target, refresh: target.verify, signing } });

const elsewhere = (name: string) => arn.replace("orders/db", name).replace("eu-west-1", "us-east-1");

function check(...entries: readonly PolicyInput[]): void {
  checkPolicies(parsePolicies(entries), here);
}

const fn = "arn:aws:lambda:eu-west-1:123456789012:function:orders-rotation";
const lambda = { ...policy, strategy: "lambda", rotationFunctionArn: fn } as const;

function failureOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("was expected to fail, and did not");
}

describe("a rotation function of somebody else's", () => {
  const field = 'policies[0] ("orders/db").rotationFunctionArn: ';
  const wanted = 'must be the full ARN, "arn:aws:lambda:<region>:<account>:function:<name>"';
  const problemsOf = (entry: PolicyInput) => {
    const [one] = parsePolicies([entry]);
    if (one === undefined) throw new Error("There is no policy.");
    return problemsOfRotationFunction(one, here);
  };

  test.each<[string, PolicyInput]>([
    ["none with another strategy", policy],
    ["the ARN with the strategy", lambda],
    ["an alias", { ...lambda, rotationFunctionArn: `${fn}:live` }],
    ["a version", { ...lambda, rotationFunctionArn: `${fn}:42` }],
    ["the newest version by its name", { ...lambda, rotationFunctionArn: `${fn}:$LATEST` }],
  ])("%s is taken", (_what, entry) => {
    expect(problemsOf(entry)).toEqual([]);
  });

  test.each<[string, PolicyInput, string]>([
    ["none", { ...lambda, rotationFunctionArn: undefined }, "drives a function that is there already"],
    ["one with another strategy", { ...policy, rotationFunctionArn: fn }, 'with the strategy "postgres-single-user"'],
    ["one without a strategy", { ...observed, rotationFunctionArn: fn }, "is called by nobody without a strategy"],
    ["a name", { ...lambda, rotationFunctionArn: "orders-rotation" }, wanted],
    ["a partial ARN", { ...lambda, rotationFunctionArn: fn.slice(0, -"orders-rotation".length) }, wanted],
    ["a layer", { ...lambda, rotationFunctionArn: fn.replace("function:", "layer:") }, wanted],
    ["two qualifiers", { ...lambda, rotationFunctionArn: `${fn}:live:1` }, wanted],
    [
      "another account's",
      { ...lambda, rotationFunctionArn: fn.replace("123456789012", "210987654321") },
      "is of account",
    ],
    ["another Region's", { ...lambda, rotationFunctionArn: fn.replace("eu-west-1", "us-east-1") }, "is in us-east-1"],
    ["another partition's", { ...lambda, rotationFunctionArn: fn.replace("arn:aws", "arn:aws-cn") }, "is of partition"],
  ])("%s is refused", (_what, entry, problem) => {
    const message = failureOf(() => check(entry));
    expect(message.split(field)[1]).toContain(problem);
  });
});

describe("what cannot be deployed, or has no effect, is refused with the field and the fix", () => {
  const name = "must be a secret's name (1 to 512 of A-Z a-z 0-9 / _ + = . @ ! -) or its full ARN";
  const fullArn = 'must be the full ARN, "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>"';
  const keyArn = "must be the full ARN of a KMS key";
  const itself =
    "wants this very secret to be rehearsed before it is rotated, so it could never rotate: name another secret, another account, or by its full ARN the secret of another Region";

  test.each<[string, PolicyInput, string, string]>([
    ["a name with a space", { ...policy, secretId: "orders db" }, "secretId", name],
    ["a name like an ARN's end", { ...policy, secretId: "orders/db-AbCdEf" }, "secretId", "ends like an ARN"],
    ["a partial ARN", { ...policy, secretId: arn.slice(0, -7) }, "secretId", fullArn],
    [
      "an ARN of something else",
      { ...policy, secretId: "arn:aws:rds:eu-west-1:123456789012:db:orders" },
      "secretId",
      fullArn,
    ],
    ["an ARN without a Region", { ...policy, secretId: arn.replace("eu-west-1", "") }, "secretId", fullArn],
    ["a wildcard", { ...policy, secretId: `${arn.slice(0, -9)}*-AbCdEf` }, "secretId", fullArn],
    [
      "another partition's",
      { ...policy, secretId: arn.replace("arn:aws:", "arn:aws-us-gov:") },
      "secretId",
      "is of partition aws-us-gov, and this deploys to aws: deploy Rotor there for it",
    ],
    [
      "another account's",
      { ...policy, secretId: arn.replace("123456789012", "210987654321") },
      "secretId",
      "is of account 210987654321, and this deploys to 123456789012: deploy Rotor there for it",
    ],
    [
      "another Region's",
      { ...policy, secretId: arn.replace("eu-west-1", "us-east-1") },
      "secretId",
      "is in us-east-1, and this deploys to eu-west-1: deploy Rotor there for it",
    ],
    [
      "the heartbeat's secret",
      { ...policy, secretId: "rotor-dev-rotor/heartbeat" },
      "secretId",
      "is the secret of Rotor's own heartbeat, which holds nothing: take the entry out",
    ],
    [
      "the heartbeat's secret by its ARN",
      { ...policy, secretId: arn.replace("orders/db", "rotor-prod-rotor/heartbeat") },
      "secretId",
      "is the secret of Rotor's own heartbeat",
    ],
    [
      "a strategy that there is not",
      { ...policy, strategy: "mysql-single-user" },
      "strategy",
      "there is no strategy of that name; there are: lambda, mariadb-alternating-users,",
    ],
    [
      "native for a managed secret",
      { ...policy, secretId: "rds!db-0f1e2d3c" },
      "mode",
      'an AWS service manages this secret and rotates it itself, so "native" cannot be: set mode to "observed"',
    ],
    [
      "driven for a managed secret",
      { ...driven, secretId: arn.replace("orders/db", "rds!db-0f1e2d3c") },
      "mode",
      'an AWS service manages this secret and rotates it itself, so "driven" cannot be',
    ],
    [
      "no administrator",
      { ...alternating, administratorSecretId: undefined },
      "administratorSecretId",
      "name the secret behind masterarn: functions may read nothing that no policy names",
    ],
    ["a malformed administrator", { ...alternating, administratorSecretId: "a b" }, "administratorSecretId", name],
    [
      "an administrator that is the user",
      { ...alternating, administratorSecretId: arn },
      "administratorSecretId",
      "is the secret itself: name the one behind its masterarn",
    ],
    [
      "an administrator without a strategy",
      { ...observed, administratorSecretId: "admin" },
      "administratorSecretId",
      "is read by nobody without a strategy: take it out",
    ],
    [
      "a look for sessions that nobody takes",
      { ...policy, openSessions: "refuse" },
      "openSessions",
      'has an effect with the strategy "postgres-alternating-users" only: take it out',
    ],
    [
      "an owner that nobody shares",
      { ...policy, sharedOwner: true },
      "sharedOwner",
      'has an effect with the strategy "postgres-alternating-users" only: take it out',
    ],
    ["a key's alias", { ...policy, kmsKeyArn: "alias/orders" }, "kmsKeyArn", keyArn],
    ["a key's id that is none", { ...policy, kmsKeyArn: `${key}0` }, "kmsKeyArn", keyArn],
    [
      "another Region's key",
      { ...policy, kmsKeyArn: key.replace("eu-west-1", "us-east-1") },
      "kmsKeyArn",
      "is in us-east-1, and this deploys to eu-west-1: give a key that is there, too",
    ],
    [
      "another partition's key",
      { ...policy, kmsKeyArn: key.replace("arn:aws:", "arn:aws-cn:") },
      "kmsKeyArn",
      "is of partition aws-cn, and this deploys to aws: give a key that is there, too",
    ],
    [
      "a key of values that nobody reads",
      { ...observed, kmsKeyArn: key },
      "kmsKeyArn",
      "is used by nobody without a strategy, as no value is read then: take it out",
    ],
    [
      "a malformed key of the administrator's",
      { ...alternating, administratorKmsKeyArn: "x" },
      "administratorKmsKeyArn",
      keyArn,
    ],
    [
      "a key of no administrator's",
      { ...policy, administratorKmsKeyArn: key },
      "administratorKmsKeyArn",
      "is used by nobody without administratorSecretId: take it out",
    ],
    [
      "a kind of dependents that there is not",
      { ...policy, dependents: [{ ...dependent, kind: "ecs" }] },
      'dependents[0] ("api")',
      'Dependent api: there is no kind "ecs"; there are: database-sessions, ecs-service, http-endpoint, lambda-function',
    ],
    [
      "a dependent whose target has an unknown field",
      { ...policy, dependents: [{ ...dependent, target: { ...target, port: 80 } }] },
      'dependents[0] ("api")',
      "Dependent api, its target: There is no field port: the fields are refresh, verify, probe, version, addresses, signing and timeoutSeconds",
    ],
    [
      "a dependent at an address that is never asked",
      {
        ...policy,
        dependents: [dependent, { ...dependent, name: "b", target: { verify: "http://169.254.169.254/" } }],
      },
      'dependents[1] ("b")',
      "Dependent b, its target: Field verify: verify must not name a link-local, metadata, multicast or unspecified address",
    ],
    [
      "weak evidence of a dependent that nobody asks",
      { ...policy, dependents: [{ ...dependent, kind: "database-sessions", target: {}, evidence: "weak" }] },
      'dependents[0] ("api").evidence',
      'is "weak", which it has without having done anything, as nobody asks it: write "strong", or "required: false" to have it reported',
    ],
    [
      "an ECS service of another Region",
      { ...policy, dependents: [ecs({ service: "arn:aws:ecs:us-east-1:123456789012:service/production/orders" })] },
      'dependents[0] ("api").target.service',
      'is in us-east-1, and this deploys to eu-west-1: Rotor reaches a dependent of kind ecs-service only where it is deployed: deploy Rotor there for it, and write "orders"',
    ],
    [
      "a cluster of another account",
      { ...policy, dependents: [ecs({ cluster: "arn:aws:ecs:eu-west-1:210987654321:cluster/production" })] },
      'dependents[0] ("api").target.cluster',
      "is of account 210987654321, and this deploys to 123456789012: Rotor reaches a dependent of kind ecs-service only",
    ],
    [
      "a cluster by its ARN",
      { ...policy, dependents: [ecs({ cluster: "arn:aws:ecs:eu-west-1:123456789012:cluster/production" })] },
      'dependents[0] ("api").target.cluster',
      'a dependent of kind ecs-service is given by names, not by an ARN: write "production"',
    ],
    [
      "a function of another partition, by its alias",
      { ...policy, dependents: [lambdaFn("arn:aws-cn:lambda:eu-west-1:123456789012:function:orders:live")] },
      'dependents[0] ("api").target.functionName',
      'is of partition aws-cn, and this deploys to aws: Rotor reaches a dependent of kind lambda-function only where it is deployed: deploy Rotor there for it, and write "orders"',
    ],
    [
      "a function's alias",
      { ...policy, dependents: [lambdaFn("orders:live")] },
      'dependents[0] ("api")',
      "Dependent api, its target: Field functionName: must be a function's name of A-Z a-z 0-9 _ -, not an ARN",
    ],
    [
      "a key for signing of another Region",
      { ...policy, dependents: [signed({ secretId: elsewhere("rotor/key") })] },
      'dependents[0] ("api").target.signing.secretId',
      "is in us-east-1, and this deploys to eu-west-1: deploy Rotor there for it",
    ],
    [
      "a malformed key for signing",
      { ...policy, dependents: [signed({ secretId: "rotor key" })] },
      'dependents[0] ("api").target.signing.secretId',
      name,
    ],
    [
      "an alias of the key of a key for signing",
      { ...policy, dependents: [signed({ secretId: "rotor/key", kmsKeyArn: "alias/rotor" })] },
      'dependents[0] ("api").target.signing.kmsKeyArn',
      keyArn,
    ],
    [
      "strong evidence that nobody can confirm",
      { ...observed, dependents: [dependent] },
      'dependents[0] ("api").evidence',
      'is "strong", and without a strategy no target can be asked for it: write "weak", or name the strategy',
    ],
    [
      "a rate that reconcile does not keep up with",
      { ...driven, schedule: "rate(14 minutes)" },
      "schedule",
      "asks for rotations more often than reconcile looks every 15 minutes",
    ],
    [
      "a cron that reconcile does not keep up with",
      { ...driven, schedule: "cron(0,10 2 ? * SUN *)" },
      "schedule",
      "asks for rotations more often than",
    ],
    [
      "a cron that reconcile does not keep up with over midnight",
      { ...driven, schedule: "cron(0/50 0,23 ? * MON,TUE *)" },
      "schedule",
      "asks for rotations more often than",
    ],
    [
      "a cron that is over",
      { ...driven, schedule: "cron(0 2 1 6 ? 2024-2026)" },
      "schedule",
      "never comes any more: all its times are past, or on days that no month has",
    ],
    ["a cron that never comes", { ...driven, schedule: "cron(0 2 31 2 ? *)" }, "schedule", "never comes any more"],
    [
      "windows that reconcile may never hit",
      {
        ...driven,
        schedule: "rate(30 days)",
        outsideWindow: "refuse",
        windows: [
          { timeZone: "UTC", from: "02:00", to: "02:05" },
          { timeZone: "UTC", from: "23:50", to: "00:04" },
        ],
      },
      "windows",
      'are open for 14 minutes at most, and reconcile looks every 15 minutes: with outsideWindow "refuse" the schedule might miss them for ever. Make one longer, or write "wait"',
    ],
    [
      "a malformed rehearsed secret",
      { ...policy, rehearsal: { accounts: ["210987654321"], secretId: "a b" } },
      "rehearsal.secretId",
      name,
    ],
    [
      "a rehearsed secret by a partial ARN",
      { ...policy, rehearsal: { accounts: ["123456789012"], secretId: arn.slice(0, -7) } },
      "rehearsal.secretId",
      fullArn,
    ],
    [
      "a rehearsed secret of another partition",
      {
        ...policy,
        rehearsal: {
          accounts: ["123456789012"],
          secretId: arn.replace("arn:aws:", "arn:aws-cn:").replace("orders", "x"),
        },
      },
      "rehearsal.secretId",
      "is of partition aws-cn, and this deploys to aws: no event crosses that, so rehearse elsewhere",
    ],
    [
      "a rehearsed secret of an account that does not count",
      {
        ...policy,
        rehearsal: {
          accounts: ["123456789012"],
          secretId: arn.replace("123456789012", "210987654321").replace("orders", "x"),
        },
      },
      "rehearsal.secretId",
      "is of account 210987654321, whose rehearsals do not count: name it in rehearsal.accounts",
    ],
    ["a rehearsal of itself", { ...policy, rehearsal: { accounts: ["123456789012"] } }, "rehearsal", itself],
    [
      "a rehearsal of itself by its ARN",
      { ...policy, rehearses: true, rehearsal: { accounts: ["123456789012"], secretId: arn } },
      "rehearsal",
      itself,
    ],
    [
      "an override that is over",
      {
        ...policy,
        rehearsal: {
          accounts: ["210987654321"],
          override: { by: "J. Doe", reason: "INC-4711", until: "2026-06-01T14:00:00+02:00" },
        },
      },
      "rehearsal.override.until",
      "the override ended at 2026-06-01T14:00:00+02:00: take it out, or have it decided anew until a later time",
    ],
  ])("%s", (_what, entry, field, message) => {
    const label =
      /^[A-Za-z0-9/:!*-]+$/.test(entry.secretId) && !entry.secretId.includes("*") ? ` ("${entry.secretId}")` : "";
    const checking = () => check({ ...policy, secretId: "a" }, entry);
    expect(checking).toThrowError(`rotation.config cannot be deployed. policies[1]${label}.${field}: ${message}`);
    expect(checking).toThrowError(expect.objectContaining({ name: "ConfigurationInvalid" }));
    expect(checking).toThrowError(/[^.]\. Nothing was deployed\.$/);
  });

  test("one secret by its name and by its ARN", () => {
    expect(() => check(policy, { ...policy, secretId: arn })).toThrowError(
      `policies[1] ("${arn}").secretId: policies[0] is for the same secret, in the same stage: leave one of them, or give them stages that differ.`,
    );
  });

  test("all of them at once", () => {
    expect(() => check({ ...policy, secretId: "a b" }, { ...policy, strategy: "none" })).toThrowError(
      /policies\[0\]\.secretId: .* policies\[1\] \("orders\/db"\)\.strategy: /,
    );
  });
});

describe("what is right passes", () => {
  test.each<[string, readonly PolicyInput[]]>([
    [
      "one of each mode",
      [policy, { ...driven, secretId: arn.replace("orders", "reports") }, { ...observed, secretId: "rds!db-0f" }],
    ],
    [
      "an administrator, and keys of both, another account's among them",
      [{ ...alternating, kmsKeyArn: key, administratorKmsKeyArn: key.replace("123456789012", "210987654321") }],
    ],
    ["what alternating users obey", [{ ...alternating, openSessions: "refuse", sharedOwner: true }]],
    ["what nobody has to obey", [{ ...policy, openSessions: "report", sharedOwner: false }]],
    ["an administrator who sets a single user's password", [{ ...policy, administratorSecretId: "admin" }]],
    [
      "an observed secret with a strategy and its key",
      [{ ...observed, strategy: policy.strategy, kmsKeyArn: key, dependents: [dependent] }],
    ],
    [
      "an observed secret whose dependents are healthy",
      [{ ...observed, dependents: [{ ...dependent, evidence: "weak" }] }],
    ],
    [
      "dependents of every kind, and a key for signing with a key of its own",
      [
        {
          ...policy,
          dependents: [
            ecs({}),
            { ...lambdaFn("orders"), name: "b" },
            { ...signed({ secretId: "rotor/key", kmsKeyArn: key }), name: "c" },
            { ...signed({ secretId: arn.replace("orders/db", "rotor/key") }), name: "d" },
            { ...dependent, name: "e", kind: "database-sessions", target: {} },
          ],
        },
      ],
    ],
    ["a schedule as often as reconcile looks", [{ ...driven, schedule: "rate(15 minutes)" }]],
    ["a cron as often as reconcile looks", [{ ...driven, schedule: "cron(0/15 * ? * * *)" }]],
    ["a cron on days that do not follow each other", [{ ...driven, schedule: "cron(0/50 0,23 ? * MON,WED *)" }]],
    ["a cron of years to come", [{ ...driven, schedule: "cron(0 2 1 6 ? 2026-2027)" }]],
    [
      "a short window beside a longer one",
      [
        {
          ...driven,
          schedule: "rate(30 days)",
          outsideWindow: "refuse",
          windows: [
            { timeZone: "UTC", from: "02:00", to: "02:05" },
            { timeZone: "UTC", from: "23:50", to: "00:05" },
          ],
        },
      ],
    ],
    [
      "a short window that is waited for, or that only people ask in",
      [
        { ...driven, schedule: "rate(30 days)", windows: [{ timeZone: "UTC", from: "02:00", to: "02:05" }] },
        {
          ...driven,
          secretId: "a",
          outsideWindow: "refuse",
          windows: [{ timeZone: "UTC", from: "02:00", to: "02:05" }],
        },
      ],
    ],
    [
      "a rehearsal on another secret, in another account, and by its ARN there",
      [
        { ...policy, rehearsal: { accounts: ["123456789012"], secretId: "staging/orders/db" } },
        { ...policy, secretId: "a", rehearses: true, rehearsal: { accounts: ["123456789012", "210987654321"] } },
        { ...policy, secretId: "c", rehearsal: { accounts: [here.account], secretId: elsewhere("c") } },
        {
          ...policy,
          secretId: "b",
          rehearsal: { accounts: ["210987654321"], secretId: arn.replace("123456789012", "210987654321") },
        },
      ],
    ],
    [
      "an override that is not over",
      [
        {
          ...policy,
          rehearsal: {
            accounts: ["210987654321"],
            override: { by: "J. Doe", reason: "INC-4711", until: "2026-06-01T12:00:01Z" },
          },
        },
      ],
    ],
    ["what is wrong in another stage only", [{ ...policy, strategy: "none", stages: ["production"] }]],
    [
      "one secret in two stages, by its name and by its ARN",
      [
        { ...policy, stages: ["production"] },
        { ...policy, secretId: arn, stages: ["dev"] },
      ],
    ],
  ])("%s", (_what, entries) => {
    check(...entries);
  });
});

describe("a schedule that AWS refuses is refused before", () => {
  const expression = "rotationRules.scheduleExpression";
  const duration = "rotationRules.duration";
  test.each<[string, object, string, string]>([
    ["under 4 hours", { scheduleExpression: "rate(3 hours)" }, expression, "the shortest interval is 4 hours"],
    [
      "under 4 hours in a day",
      { scheduleExpression: "cron(0 2,5 ? * SUN *)" },
      expression,
      "the shortest interval is 4 hours, over midnight, too",
    ],
    [
      "under 4 hours over midnight",
      { scheduleExpression: "cron(0 2,23 ? * * *)" },
      expression,
      "the shortest interval is 4 hours, over midnight, too",
    ],
    ["in minutes", { scheduleExpression: "rate(300 minutes)" }, expression, "a rate is in hours or days"],
    ["minutes not 0", { scheduleExpression: "cron(30 2 ? * SUN *)" }, expression, "minutes must be 0"],
    ["a year", { scheduleExpression: "cron(0 2 ? * SUN 2027)" }, expression, "year must be *"],
    [
      "crossing days",
      { scheduleExpression: "cron(0 22 ? * SUN *)", duration: "3h" },
      duration,
      "the window extends into the next day, which begins at midnight UTC: it may be 2h at most",
    ],
    [
      "crossing the next window",
      { scheduleExpression: "cron(0 2,8 ? * SUN *)", duration: "7h" },
      duration,
      "the window extends into the next one: it may be 6h at most",
    ],
    [
      "a window longer than the rate",
      { scheduleExpression: "rate(5 hours)", duration: "6h" },
      duration,
      "the window extends into the next one: it may be 5h at most",
    ],
    ["no schedule", { scheduleExpression: "every week" }, expression, 'The schedule "every week" is not valid'],
    ["0 days", { automaticallyAfterDays: 0 }, "rotationRules.automaticallyAfterDays", "must be within 1-1000"],
    ["a long window", { automaticallyAfterDays: 30, duration: "25h" }, duration, "must be 1h to 24h"],
    ["a window in words", { automaticallyAfterDays: 30, duration: "an hour" }, duration, "must be 1h to 24h"],
    [
      "both",
      { automaticallyAfterDays: 30, scheduleExpression: "rate(30 days)" },
      "rotationRules",
      "needs either scheduleExpression or automaticallyAfterDays, and not both",
    ],
    ["neither", {}, "rotationRules", "needs either scheduleExpression or automaticallyAfterDays, and not both"],
  ])("%s", (_what, rotationRules, field, message) => {
    expect(() => check({ ...policy, rotationRules })).toThrowError(
      `rotation.config cannot be deployed. policies[0] ("orders/db").${field}: ${message}`,
    );
  });

  test.each([
    { scheduleExpression: "cron(0 2/6 ? * * *)", duration: "2h" },
    { scheduleExpression: "cron(0 22 ? * SUN *)", duration: "2h" },
    // Days that do not follow each other.
    { scheduleExpression: "cron(0 2,23 ? * SUN *)" },
  ])("rules that AWS takes pass: %o", (rotationRules) => {
    check({ ...policy, rotationRules });
  });
});
