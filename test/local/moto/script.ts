/**
 * What is asked of the embedded account and of moto alike. Each scenario has a secret of its own, which bears its name and is
 * there, with version v1, unless the scenario is in `WITHOUT_SECRET`. In inputs `v1` to `v9` stand for version ids, `{arn}` for
 * the secret's ARN, `{partial}` for its ARN without the random characters; SecretId is the secret's name if it is absent.
 */
export type Step = readonly [operation: string, input?: Readonly<Record<string, unknown>>];

const FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:rotate";
const RotationRules = { AutomaticallyAfterDays: 30 };

const put = (version: string, ...VersionStages: readonly string[]): Step => [
  "PutSecretValue",
  {
    ...{ ClientRequestToken: version, SecretString: `value ${version}` },
    ...(VersionStages.length > 0 && { VersionStages }),
  },
];
const move = (VersionStage: string, RemoveFromVersionId?: string, MoveToVersionId?: string): Step => [
  "UpdateSecretVersionStage",
  { VersionStage, ...(RemoveFromVersionId && { RemoveFromVersionId }), ...(MoveToVersionId && { MoveToVersionId }) },
];
const get = (input: Readonly<Record<string, unknown>> = {}): Step => ["GetSecretValue", input];
const rotate = (ClientRequestToken: string, input: Readonly<Record<string, unknown>> = {}): Step => [
  "RotateSecret",
  { ClientRequestToken, RotationLambdaARN: FUNCTION, ...input },
];
const create = (input: Readonly<Record<string, unknown>>): Step => ["CreateSecret", input];

export const WITHOUT_SECRET: ReadonlySet<string> = new Set(["empty", "create"]);

export const SCRIPT: Readonly<Record<string, readonly Step[]>> = {
  // Labels.
  promotion: [
    ["DescribeSecret"],
    put("v2", "AWSPENDING"),
    get({ VersionStage: "AWSPENDING" }),
    move("AWSCURRENT", "v1", "v2"),
    get(),
    get({ VersionStage: "AWSPREVIOUS" }),
    ["ListSecretVersionIds"],
    put("v3", "AWSPENDING"),
    move("AWSCURRENT", "v2", "v3"),
    ["ListSecretVersionIds"],
    ["ListSecretVersionIds", { IncludeDeprecated: true }],
    move("AWSPENDING", "v3"),
  ],
  "write-after-promotion": [put("v2", "AWSPENDING"), move("AWSCURRENT", "v1", "v2"), put("v3"), put("v4")],
  update: [
    ["UpdateSecret", { ClientRequestToken: "v2", SecretString: "value v2" }],
    ["UpdateSecret", { ClientRequestToken: "v3", Description: "orders" }],
    ["DescribeSecret"],
    ["UpdateSecret", { ClientRequestToken: "v4", SecretString: "value v4" }],
  ],
  "custom-labels": [put("v2", "AWSCURRENT", "PUT0"), put("v3"), put("v4", "PUT1", "AWSSOMETHING"), put("v5", "PUT1")],
  "promotion-with-custom-labels": [
    put("v2", "AWSPENDING", "CANDIDATE"),
    move("AWSCURRENT", "v1", "v2"),
    move("CANDIDATE", "v2", "v1"),
    move("CANDIDATE", "v1"),
  ],
  "roll-back": [
    put("v2", "AWSPENDING"),
    move("AWSCURRENT", "v1", "v2"),
    move("AWSPENDING", "v2"),
    move("AWSCURRENT", "v2", "v1"),
    move("AWSPREVIOUS", "v2"),
  ],
  "compare-and-swap": [
    put("v2", "AWSPENDING"),
    move("AWSCURRENT", undefined, "v2"),
    move("AWSCURRENT", "v2", "v2"),
    move("AWSPENDING", "v1"),
    move("AWSPENDING", "v9"),
    move("AWSPENDING", "v2", "v9"),
  ],
  "absent-label": [move("MINE", undefined, "v1"), move("MINE", "v1"), move("MINE", "v1")],
  "label-held-elsewhere": [put("v2", "AWSPENDING"), move("AWSPENDING", undefined, "v1")],
  "label-already-there": [put("v2", "MINE"), move("MINE", undefined, "v2"), move("AWSCURRENT", undefined, "v1")],
  "no-move": [move("AWSCURRENT")],
  "no-move-of-a-custom-label": [put("v2", "MINE"), move("MINE")],
  "current-taken-off": [move("AWSCURRENT", "v1")],
  "too-many-labels": [put("v2", ...Array.from({ length: 20 }, (_, label) => `L${label}`))],

  // Versions are written once.
  "same-token": [
    put("v2"),
    put("v2"),
    put("v2", "OTHER"),
    ["PutSecretValue", { ClientRequestToken: "v2", SecretString: "another" }],
    ["PutSecretValue", { ClientRequestToken: "v2", SecretBinary: "dmFsdWUgdjI=" }],
    ["UpdateSecret", { ClientRequestToken: "v2", SecretString: "value v2" }],
    ["UpdateSecret", { ClientRequestToken: "v2", SecretString: "another" }],
    get(),
  ],
  "same-token-pending": [put("v2", "AWSPENDING"), put("v2", "AWSPENDING")],
  "same-token-pending-other-value": [
    put("v2", "AWSPENDING"),
    ["PutSecretValue", { ClientRequestToken: "v2", SecretString: "another", VersionStages: ["AWSPENDING"] }],
    get({ VersionId: "v2" }),
  ],
  "bad-writes": [
    ["PutSecretValue", { ClientRequestToken: "short", SecretString: "x" }],
    ["PutSecretValue", { ClientRequestToken: "v2" }],
    ["PutSecretValue", { ClientRequestToken: "v2", SecretString: "x", SecretBinary: "eA==" }],
  ],
  "value-too-long": [["PutSecretValue", { ClientRequestToken: "v2", SecretString: "x".repeat(65_537) }]],
  binary: [
    ["PutSecretValue", { ClientRequestToken: "v2", SecretBinary: "AQID" }],
    get(),
    get({ VersionStage: "AWSPREVIOUS" }),
  ],
  empty: [
    create({ ClientRequestToken: "v1" }),
    ["DescribeSecret"],
    get(),
    ["PutSecretValue", { ClientRequestToken: "v2", SecretString: "x", VersionStages: ["MINE"] }],
    get(),
  ],
  create: [
    create({ ClientRequestToken: "v1", SecretString: "x", Description: "orders" }),
    create({ ClientRequestToken: "v1", SecretString: "x" }),
    create({ ClientRequestToken: "v1", SecretString: "y" }),
    create({ ClientRequestToken: "v2", SecretString: "x" }),
  ],
  "create-with-a-bad-name": [create({ Name: "no spaces", ClientRequestToken: "v1", SecretString: "x" })],

  // Reads.
  reads: [
    get({ SecretId: "{arn}" }),
    get({ SecretId: "{partial}" }),
    get({ SecretId: "reads-missing" }),
    ["DescribeSecret", { SecretId: "reads-missing" }],
    ["PutSecretValue", { SecretId: "reads-missing", ClientRequestToken: "v2", SecretString: "x" }],
    ["UpdateSecretVersionStage", { SecretId: "reads-missing", VersionStage: "MINE", MoveToVersionId: "v1" }],
    put("v2", "AWSPENDING"),
    get({ VersionId: "v1", VersionStage: "AWSCURRENT" }),
    get({ VersionId: "v1", VersionStage: "AWSPENDING" }),
    get({ VersionId: "v9" }),
    get({ VersionStage: "AWSPREVIOUS" }),
    ["BatchGetSecretValue", { SecretIdList: ["reads", "reads-missing"] }],
    ["DescribeSecret"],
  ],
  "read-by-a-bad-name": [get({ SecretId: "not a name" })],
  "versions-of-a-missing-secret": [["ListSecretVersionIds", { SecretId: "missing" }]],
  "version-pages": [put("v2"), ["ListSecretVersionIds", { MaxResults: 1 }]],
  "list-first": [
    ["ListSecrets", { Filters: [{ Key: "name", Values: ["list-"] }] }],
    ["ListSecrets", { Filters: [{ Key: "name", Values: ["list-"] }], MaxResults: 1 }],
    ["ListSecrets", { Filters: [{ Key: "name", Values: ["!list-"] }], MaxResults: 1 }],
    ["ListSecrets", { Filters: [{ Key: "color", Values: ["red"] }] }],
    ["ListSecrets", { Filters: [{ Key: "tag-key", Values: ["list-tag"] }] }],
    ["BatchGetSecretValue", { Filters: [{ Key: "name", Values: ["list-"] }] }],
  ],
  "random-password": [
    ["GetRandomPassword", {}],
    ["GetRandomPassword", { PasswordLength: 7, ExcludePunctuation: true, IncludeSpace: true }],
    ["GetRandomPassword", { PasswordLength: 3 }],
    ["GetRandomPassword", { PasswordLength: 4097 }],
  ],

  // Tags.
  tags: [
    ["TagResource", { Tags: [{ Key: "team", Value: "a" }] }],
    ["TagResource", { Tags: [{ Key: "tier", Value: "1" }] }],
    ["TagResource", { Tags: [{ Key: "team", Value: "b" }] }],
    ["DescribeSecret"],
    ["UntagResource", { TagKeys: ["tier", "absent"] }],
    ["DescribeSecret"],
    ["UntagResource", { TagKeys: ["team"] }],
    ["DescribeSecret"],
    ["TagResource", { SecretId: "tags-missing", Tags: [{ Key: "team", Value: "a" }] }],
  ],

  // Deletion.
  deletion: [
    ["DeleteSecret", { RecoveryWindowInDays: 7 }],
    get(),
    rotate("v4"),
    ["CancelRotateSecret"],
    ["DeleteSecret", {}],
    create({ ClientRequestToken: "v5", SecretString: "x" }),
    ["BatchGetSecretValue", { SecretIdList: ["deletion"] }],
    ["ListSecrets", { Filters: [{ Key: "name", Values: ["deletion"] }] }],
    ["ListSecrets", { Filters: [{ Key: "name", Values: ["deletion"] }], IncludePlannedDeletion: true }],
    ["DescribeSecret"],
  ],
  "put-after-deletion": [["DeleteSecret", {}], put("v2")],
  "update-after-deletion": [
    ["DeleteSecret", {}],
    ["UpdateSecret", { ClientRequestToken: "v3", SecretString: "x" }],
  ],
  "move-after-deletion": [["DeleteSecret", {}], move("MINE", undefined, "v1")],
  "tag-after-deletion": [
    ["DeleteSecret", {}],
    ["TagResource", { Tags: [{ Key: "team", Value: "a" }] }],
  ],
  restoration: [
    ["RestoreSecret"],
    ["DeleteSecret", {}],
    ["RestoreSecret"],
    get(),
    ["DescribeSecret"],
    ["RestoreSecret", { SecretId: "restoration-missing" }],
  ],
  "forced-deletion": [
    ["DeleteSecret", { RecoveryWindowInDays: 6 }],
    ["DeleteSecret", { RecoveryWindowInDays: 7, ForceDeleteWithoutRecovery: true }],
    ["DeleteSecret", { SecretId: "{arn}", ForceDeleteWithoutRecovery: true }],
    get(),
    ["DeleteSecret", { SecretId: "forced-missing", ForceDeleteWithoutRecovery: true }],
    ["DeleteSecret", { SecretId: "forced-missing" }],
  ],

  // RotateSecret. The function does nothing, so no rotation can succeed.
  "rotate-without-a-function": [["RotateSecret", { ClientRequestToken: "v2" }]],
  "rotate-by-a-missing-function": [rotate("v2", { RotationLambdaARN: `${FUNCTION}-missing` }), ["DescribeSecret"]],
  "rotate-a-missing-secret": [rotate("v2", { SecretId: "rotate-missing" })],
  "rotate-with-a-short-token": [rotate("short")],
  "rotate-by-a-function-that-does-nothing": [
    rotate("v2", { RotationRules }),
    get({ VersionId: "v2" }),
    get(),
    ["DescribeSecret"],
    ["CancelRotateSecret"],
    ["DescribeSecret"],
  ],
  "rotate-again": [rotate("v2"), rotate("v3")],
  "rotate-while-another-version-is-pending": [put("v2", "AWSPENDING"), rotate("v3")],
  "rotate-while-current-is-pending": [put("v2", "AWSPENDING"), move("AWSCURRENT", "v1", "v2"), rotate("v3")],
  "rotate-with-a-test-only": [rotate("v2", { RotationRules, RotateImmediately: false }), ["DescribeSecret"]],
  "rotate-by-bad-rules": [
    rotate("v2", { RotationRules: { AutomaticallyAfterDays: 0 } }),
    rotate("v2", { RotationRules: { AutomaticallyAfterDays: 1001 } }),
  ],
  "rotate-by-two-rules": [rotate("v2", { RotationRules: { ...RotationRules, ScheduleExpression: "rate(4 days)" } })],
  "rotate-by-a-schedule": [
    rotate("v2", { RotationRules: { ScheduleExpression: "rate(4 days)", Duration: "3h" }, RotateImmediately: false }),
    ["DescribeSecret"],
  ],
  "cancel-without-a-rotation": [["CancelRotateSecret"]],
};
