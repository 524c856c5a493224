import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Account, startAccount } from "../../local/account.ts";

/**
 * What was recorded on AWS itself, asked again through the wire: the label transitions, and the members of replies, that the
 * integration tests of another project (localstack/localstack, tests/aws/services/secretsmanager, 2022 to 2024) keep as
 * snapshots. Recorded lists of labels are in alphabetical order, as the account answers them.
 */
let account: Account;
let secrets: SecretsManagerClient;
let count = 0;

beforeAll(async () => {
  account = await startAccount();
  const { AWS_ENDPOINT_URL: endpoint = "", AWS_REGION: region = "" } = account.environment;
  secrets = new SecretsManagerClient({ endpoint, region, credentials: { accessKeyId: "a", secretAccessKey: "b" } });
});
afterAll(async () => {
  secrets.destroy();
  await account.close();
});

/** The token of a version, the same in each secret. */
const id = (version: number) => `00000000-0000-4000-8000-${String(version).padStart(12, "0")}`;

type Labels = Readonly<Record<`v${number}`, readonly string[]>>;
/** A write of version n, or the move of a label from one version to another, and the labels that AWS then had. */
type Step =
  | { readonly put: number; readonly stages?: readonly string[]; readonly labels: Labels }
  | { readonly update: number; readonly labels: Labels }
  | { readonly move: string; readonly from?: number; readonly to?: number; readonly labels: Labels };

const RECORDED: Readonly<Record<string, readonly Step[]>> = {
  "UpdateSecret moves AWSCURRENT and AWSPREVIOUS": [
    { update: 2, labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"] } },
    { update: 3, labels: { v2: ["AWSPREVIOUS"], v3: ["AWSCURRENT"] } },
  ],
  "AWSPENDING stays on the promoted version, and a write drops it": [
    { put: 2, stages: ["AWSPENDING"], labels: { v1: ["AWSCURRENT"], v2: ["AWSPENDING"] } },
    { move: "AWSCURRENT", from: 1, to: 2, labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "AWSPENDING"] } },
    { put: 3, labels: { v2: ["AWSPREVIOUS"], v3: ["AWSCURRENT"] } },
  ],
  "two promotions in a row leave the first version without a label": [
    { put: 2, stages: ["AWSPENDING"], labels: { v1: ["AWSCURRENT"], v2: ["AWSPENDING"] } },
    { move: "AWSCURRENT", from: 1, to: 2, labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "AWSPENDING"] } },
    { put: 3, stages: ["AWSPENDING"], labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"], v3: ["AWSPENDING"] } },
    { move: "AWSCURRENT", from: 2, to: 3, labels: { v2: ["AWSPREVIOUS"], v3: ["AWSCURRENT", "AWSPENDING"] } },
  ],
  "custom labels, one that begins with AWS among them, stay with their version": [
    {
      put: 2,
      stages: ["AWSPENDING", "PUT1", "AWSSOMETHING"],
      labels: { v1: ["AWSCURRENT"], v2: ["AWSPENDING", "AWSSOMETHING", "PUT1"] },
    },
    {
      ...{ move: "AWSCURRENT", from: 1, to: 2 },
      labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "AWSPENDING", "AWSSOMETHING", "PUT1"] },
    },
    {
      put: 3,
      stages: ["AWSPENDING", "PUT2"],
      labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "AWSSOMETHING", "PUT1"], v3: ["AWSPENDING", "PUT2"] },
    },
    {
      ...{ move: "AWSCURRENT", from: 2, to: 3 },
      labels: { v2: ["AWSPREVIOUS", "AWSSOMETHING", "PUT1"], v3: ["AWSCURRENT", "AWSPENDING", "PUT2"] },
    },
  ],
  "a custom label keeps a version that has lost AWSPREVIOUS": [
    { put: 2, stages: ["AWSCURRENT", "PUT0"], labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "PUT0"] } },
    {
      put: 3,
      stages: ["AWSPENDING", "PUT1"],
      labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "PUT0"], v3: ["AWSPENDING", "PUT1"] },
    },
    {
      ...{ move: "AWSCURRENT", from: 2, to: 3 },
      labels: { v2: ["AWSPREVIOUS", "PUT0"], v3: ["AWSCURRENT", "AWSPENDING", "PUT1"] },
    },
    {
      put: 4,
      stages: ["AWSPENDING", "PUT2"],
      labels: { v2: ["AWSPREVIOUS", "PUT0"], v3: ["AWSCURRENT", "PUT1"], v4: ["AWSPENDING", "PUT2"] },
    },
    {
      ...{ move: "AWSCURRENT", from: 3, to: 4 },
      labels: { v2: ["PUT0"], v3: ["AWSPREVIOUS", "PUT1"], v4: ["AWSCURRENT", "AWSPENDING", "PUT2"] },
    },
  ],
  "a custom label is taken off after the promotion": [
    { put: 2, stages: ["PENDING"], labels: { v1: ["AWSCURRENT"], v2: ["PENDING"] } },
    { move: "AWSCURRENT", from: 1, to: 2, labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "PENDING"] } },
    { move: "PENDING", from: 2, labels: { v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"] } },
  ],
  "a write that names all labels of a version takes them all, and the version is no longer listed": [
    { put: 2, stages: ["one", "two", "three"], labels: { v1: ["AWSCURRENT"], v2: ["one", "three", "two"] } },
    {
      put: 3,
      stages: ["one", "two", "three", "four"],
      labels: { v1: ["AWSCURRENT"], v3: ["four", "one", "three", "two"] },
    },
  ],
  "a write that names some labels of a version takes those": [
    { put: 2, stages: ["one", "two", "three"], labels: { v1: ["AWSCURRENT"], v2: ["one", "three", "two"] } },
    {
      put: 3,
      stages: ["one", "two", "four"],
      labels: { v1: ["AWSCURRENT"], v2: ["three"], v3: ["four", "one", "two"] },
    },
  ],
  "a write under custom labels or AWSPENDING does not change AWSCURRENT": [
    {
      put: 2,
      stages: ["SAMPLESTAGE1", "SAMPLESTAGE0"],
      labels: { v1: ["AWSCURRENT"], v2: ["SAMPLESTAGE0", "SAMPLESTAGE1"] },
    },
    {
      put: 3,
      stages: ["SAMPLESTAGE1", "SAMPLESTAGE0"],
      labels: { v1: ["AWSCURRENT"], v3: ["SAMPLESTAGE0", "SAMPLESTAGE1"] },
    },
    {
      put: 4,
      stages: ["AWSPENDING"],
      labels: { v1: ["AWSCURRENT"], v3: ["SAMPLESTAGE0", "SAMPLESTAGE1"], v4: ["AWSPENDING"] },
    },
  ],
};

test.each(Object.entries(RECORDED))("recorded transitions: %s", async (_, steps) => {
  const SecretId = await create();
  expect(await labelsOf(SecretId)).toEqual({ v1: ["AWSCURRENT"] });
  for (const step of steps) {
    await take(SecretId, step);
    expect(await labelsOf(SecretId), JSON.stringify(step)).toEqual(step.labels);
    expect(await currentOf(SecretId)).toBe(holderOf("AWSCURRENT", step.labels));
  }
});

test("recorded replies: a version without a label is listed on request, without VersionStages", async () => {
  const SecretId = await create();
  for (const put of [2, 3, 4]) await take(SecretId, { put, labels: {} });
  const KmsKeyIds = ["DefaultEncryptionKey"];
  const CreatedDate = expect.any(Date);
  const listed = [
    { VersionId: id(3), VersionStages: ["AWSPREVIOUS"], CreatedDate, KmsKeyIds },
    { VersionId: id(4), VersionStages: ["AWSCURRENT"], CreatedDate, KmsKeyIds },
  ];
  const list = async (IncludeDeprecated: boolean) =>
    (await secrets.send(new ListSecretVersionIdsCommand({ SecretId, IncludeDeprecated }))).Versions;
  expect(await list(false)).toEqual(listed);
  const deprecated = [1, 2].map((version) => ({ VersionId: id(version), CreatedDate, KmsKeyIds }));
  expect(await list(true)).toEqual([...deprecated, ...listed]);
});

test("recorded replies: a secret never tagged has no Tags, one whose last tag was taken off has an empty list", async () => {
  const SecretId = await create();
  const tagsOf = async () => (await secrets.send(new DescribeSecretCommand({ SecretId }))).Tags;
  expect(await tagsOf()).toBeUndefined();
  await secrets.send(new TagResourceCommand({ SecretId, Tags: [{ Key: "tag1", Value: "value1" }] }));
  expect(await tagsOf()).toEqual([{ Key: "tag1", Value: "value1" }]);
  await secrets.send(new UntagResourceCommand({ SecretId, TagKeys: ["tag1"] }));
  expect(await tagsOf()).toEqual([]);
});

test("recorded replies: what cannot be read is refused with status 400, also what is not found", async () => {
  const { Name: empty = "" } = await secrets.send(new CreateSecretCommand({ Name: `empty-${++count}` }));
  const SecretId = await create();
  await take(SecretId, { put: 2, stages: ["AWSPENDING"], labels: {} });
  const refusals = await Promise.all([
    refusalOf({ SecretId: "none" }),
    refusalOf({ SecretId: empty }),
    refusalOf({ SecretId, VersionStage: "AWSPREVIOUS" }),
    refusalOf({ SecretId, VersionId: id(3) }),
    refusalOf({ SecretId, VersionId: id(1), VersionStage: "AWSPENDING" }),
  ]);
  const value = "ResourceNotFoundException 400: Secrets Manager can't find the specified secret value for";
  expect(refusals).toEqual([
    "ResourceNotFoundException 400: Secrets Manager can't find the specified secret.",
    `${value} staging label: AWSCURRENT`,
    `${value} staging label: AWSPREVIOUS`,
    `${value} VersionId: ${id(3)}`,
    "InvalidRequestException 400: You provided a VersionStage that is not associated to the provided VersionId.",
  ]);
});

test("recorded replies: after a rotation DescribeSecret has these members and no others", async () => {
  const Description = "testing rotation of secrets";
  const SecretId = await create(Description);
  await using rotation = await startFunction(async ({ Step, ClientRequestToken, RotationToken }) => {
    if (Step === "createSecret") {
      await secrets.send(new GetSecretValueCommand({ SecretId }));
      const write = { SecretId, ClientRequestToken, RotationToken, SecretString: "value 2" };
      await secrets.send(new PutSecretValueCommand({ ...write, VersionStages: ["AWSPENDING"] }));
    }
    if (Step === "finishSecret") await take(SecretId, { move: "AWSCURRENT", from: 1, to: 2, labels: {} });
  });
  const RotationLambdaARN = account.lambda.define({ name: "rotate", address: rotation.address, timeoutMs: 20_000 });
  const RotationRules = { AutomaticallyAfterDays: 1 };
  const rotate = { SecretId, ClientRequestToken: id(2), RotationLambdaARN, RotationRules };
  const { $metadata: _, ...answer } = await secrets.send(new RotateSecretCommand(rotate));
  await account.idle();
  const ARN = expect.stringContaining(`:secret:${SecretId}-`);
  expect(answer).toEqual({ ARN, Name: SecretId, VersionId: id(2) });
  const date = expect.any(Date);
  const { $metadata: __, ...described } = await secrets.send(new DescribeSecretCommand({ SecretId }));
  expect(described).toEqual({
    ...{ ARN, Name: SecretId, Description, CreatedDate: date, LastAccessedDate: date, LastChangedDate: date },
    ...{ LastRotatedDate: date, NextRotationDate: date, RotationEnabled: true, RotationLambdaARN, RotationRules },
    VersionIdsToStages: { [id(1)]: ["AWSPREVIOUS"], [id(2)]: ["AWSCURRENT", "AWSPENDING"] },
  });
});

async function create(Description?: string): Promise<string> {
  const Name = `recorded-${++count}`;
  const value = { ClientRequestToken: id(1), SecretString: "value 1" };
  await secrets.send(new CreateSecretCommand({ Name, Description, ...value }));
  return Name;
}

async function take(SecretId: string, step: Step): Promise<void> {
  if ("move" in step) {
    const RemoveFromVersionId = step.from === undefined ? undefined : id(step.from);
    const MoveToVersionId = step.to === undefined ? undefined : id(step.to);
    const move = { SecretId, VersionStage: step.move, RemoveFromVersionId, MoveToVersionId };
    await secrets.send(new UpdateSecretVersionStageCommand(move));
  } else if ("update" in step) {
    const write = { SecretId, ClientRequestToken: id(step.update), SecretString: `value ${step.update}` };
    await secrets.send(new UpdateSecretCommand(write));
  } else {
    const write = { SecretId, ClientRequestToken: id(step.put), SecretString: `value ${step.put}` };
    const { VersionStages } = await secrets.send(
      new PutSecretValueCommand({ ...write, VersionStages: step.stages && [...step.stages] }),
    );
    expect(VersionStages).toEqual([...(step.stages ?? ["AWSCURRENT"])].sort());
  }
}

/** As ListSecretVersionIds says, which is what was recorded. DescribeSecret has to say the same. */
async function labelsOf(SecretId: string): Promise<Record<string, readonly string[]>> {
  const { Versions = [] } = await secrets.send(new ListSecretVersionIdsCommand({ SecretId }));
  const { VersionIdsToStages } = await secrets.send(new DescribeSecretCommand({ SecretId }));
  const labels = Object.fromEntries(Versions.map((each) => [each.VersionId ?? "", each.VersionStages ?? []]));
  expect(VersionIdsToStages).toEqual(labels);
  return Object.fromEntries(Object.entries(labels).map(([version, each]) => [`v${Number(version.slice(-12))}`, each]));
}

async function currentOf(SecretId: string): Promise<string> {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  return `v${SecretString?.slice("value ".length)}`;
}

function holderOf(label: string, labels: Labels): string | undefined {
  return Object.entries(labels).find(([, each]) => each.includes(label))?.[0];
}

/** A rotation function in a server of its own. What it throws is an error of the function. */
async function startFunction(handler: (event: Readonly<Record<string, string>>) => Promise<void>) {
  const server = createServer(async (request, response) => {
    try {
      await handler((await json(request)) as Record<string, string>);
      response.end("null");
    } catch (error) {
      response.end(JSON.stringify({ errorType: "Error", errorMessage: String(error) }));
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, [Symbol.asyncDispose]: async () => void server.close() };
}

async function refusalOf(input: { SecretId: string; VersionId?: string; VersionStage?: string }): Promise<string> {
  return await secrets.send(new GetSecretValueCommand(input)).then(
    () => "answered",
    ({ name, message, $metadata }) => `${name} ${$metadata.httpStatusCode}: ${message}`,
  );
}
