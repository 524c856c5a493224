import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { ACCOUNT, FUNCTION, REGION, refusal, startService, withSecret } from "./secretsmanager-harness.ts";

const v2 = randomUUID();
const HOUR_MS = 60 * 60 * 1000;

test("a version is written once: the same value is ignored, another value is refused", () => {
  const { put, get, labels, arn, v1 } = withSecret();
  const write = { SecretId: "db", ClientRequestToken: v2, SecretString: "value-2", VersionStages: ["AWSPENDING"] };
  put(write);
  expect(put({ ...write, VersionStages: ["OTHER"] }).VersionStages).toEqual(["AWSPENDING"]);
  expect(refusal(() => put({ ...write, SecretString: "value-x" }))).toEqual({
    name: "ResourceExistsException",
    message: `You can't use ClientRequestToken ${v2} because that value is already in use for a version of secret ${arn}.`,
  });
  expect(refusal(() => put({ SecretId: "db", ClientRequestToken: v2, SecretBinary: "dmFsdWUtMg==" })).name).toBe(
    "ResourceExistsException",
  );
  expect(get({ SecretId: "db", VersionId: v2 }).SecretString).toBe("value-2");
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING"] });
});

test("a write needs a token of 32 to 64 characters and exactly one value", () => {
  const { put, create } = withSecret();
  const message = "You must provide a ClientRequestToken value. We recommend a UUID-type value.";
  expect(refusal(() => put({ SecretId: "db", SecretString: "2" }))).toEqual({
    name: "InvalidRequestException",
    message,
  });
  expect(refusal(() => create({ Name: "other", SecretString: "2" }))).toEqual({
    name: "InvalidRequestException",
    message,
  });
  expect(refusal(() => put({ SecretId: "db", ClientRequestToken: "short", SecretString: "2" })).name).toBe(
    "InvalidParameterException",
  );
  expect(refusal(() => put({ SecretId: "db", ClientRequestToken: v2 })).name).toBe("InvalidRequestException");
  const both = { SecretId: "db", ClientRequestToken: v2, SecretString: "2", SecretBinary: "Mg==" };
  expect(refusal(() => put(both)).name).toBe("InvalidParameterException");
});

test("a value holds 65,536 bytes, not characters, and the refusal does not repeat it", () => {
  const { put } = withSecret();
  put({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "x".repeat(65_536) });
  const tooLong = { SecretId: "db", ClientRequestToken: v2, SecretString: "ä".repeat(32_769) };
  expect(refusal(() => put(tooLong))).toEqual({
    name: "ValidationException",
    message:
      "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to 65536",
  });
});

test("the 101st version takes the place of an unlabelled one that is 24 hours old, and is refused while there is none", () => {
  const { put, versions, clock } = withSecret();
  const write = () => put({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "x" });
  for (let i = 0; i < 99; i++) write();
  expect(refusal(write).name).toBe("LimitExceededException");
  clock.advance(24 * HOUR_MS - 1);
  expect(refusal(write).name).toBe("LimitExceededException");
  clock.advance(1);
  write();
  expect(versions({ SecretId: "db", IncludeDeprecated: true, MaxResults: 100 }).Versions).toHaveLength(100);
});

test("a version with a label is never removed for its age", () => {
  const { put, get, clock } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "kept", VersionStages: ["KEEP"] });
  for (let day = 0; day < 4; day++) {
    clock.advance(25 * HOUR_MS);
    for (let i = 0; i < 49; i++) put({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "x" });
  }
  expect(get({ SecretId: "db", VersionStage: "KEEP" }).SecretString).toBe("kept");
});

test("GetSecretValue says what is missing in AWS's words", () => {
  const { put, get, v1 } = withSecret();
  expect(refusal(() => get({ SecretId: "none" }))).toEqual({
    name: "ResourceNotFoundException",
    message: "Secrets Manager can't find the specified secret.",
  });
  expect(refusal(() => get({ SecretId: "db", VersionStage: "AWSPENDING" }))).toEqual({
    name: "ResourceNotFoundException",
    message: "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
  });
  expect(refusal(() => get({ SecretId: "db", VersionId: v2 }))).toEqual({
    name: "ResourceNotFoundException",
    message: `Secrets Manager can't find the specified secret value for VersionId: ${v2}`,
  });
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2", VersionStages: ["AWSPENDING"] });
  expect(refusal(() => get({ SecretId: "db", VersionId: v1, VersionStage: "AWSPENDING" }))).toEqual({
    name: "InvalidRequestException",
    message: "You provided a VersionStage that is not associated to the provided VersionId.",
  });
  expect(get({ SecretId: "db", VersionId: v2, VersionStage: "AWSPENDING" }).SecretString).toBe("2");
});

test("a secret is found by name, complete ARN and partial ARN, and by no other account's ARN", () => {
  const { get, arn } = withSecret();
  expect(arn).toMatch(new RegExp(`^arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:db-[A-Za-z0-9]{6}$`));
  const partial = arn.slice(0, -7);
  for (const SecretId of ["db", arn, partial]) expect(get({ SecretId }).ARN).toBe(arn);
  for (const SecretId of [`${partial}-AbCdEf`, arn.replace(ACCOUNT, "999999999999"), "d"]) {
    expect(refusal(() => get({ SecretId })).name).toBe("ResourceNotFoundException");
  }
});

test("a partial ARN whose name ends in a hyphen and six characters is not found", () => {
  const { create, get } = startService();
  const { ARN } = create({ Name: "db-abcdef", SecretString: "x", ClientRequestToken: v2 });
  expect(refusal(() => get({ SecretId: ARN.slice(0, -7) })).name).toBe("ResourceNotFoundException");
  expect(get({ SecretId: ARN }).Name).toBe("db-abcdef");
});

test("CreateSecret refuses a used name and a bad one, and a repeated request is the same request", () => {
  const { create, v1, arn } = withSecret();
  expect(create({ Name: "db", SecretString: "value-1", ClientRequestToken: v1 })).toEqual({
    ARN: arn,
    Name: "db",
    VersionId: v1,
  });
  expect(refusal(() => create({ Name: "db", SecretString: "value-x", ClientRequestToken: v1 })).name).toBe(
    "ResourceExistsException",
  );
  expect(refusal(() => create({ Name: "db", SecretString: "value-1", ClientRequestToken: v2 }))).toEqual({
    name: "ResourceExistsException",
    message: "The operation failed because the secret db already exists.",
  });
  expect(refusal(() => create({ Name: "no spaces", SecretString: "x", ClientRequestToken: v2 }))).toEqual({
    name: "ValidationException",
    message: "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
  });
  expect(refusal(() => create({ ClientRequestToken: v2 })).message).toBe(
    "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must not be null",
  );
  const replicas = { Name: "r", ClientRequestToken: v2, AddReplicaRegions: [{ Region: "eu-west-1" }] };
  expect(refusal(() => create(replicas)).message).toContain("does not support AddReplicaRegions");
});

test("what no secret can be called is refused as a name, also where a secret is asked for", () => {
  const { create, remove, describe, get, versions, put, tag, untag, update, v1, ...more } = withSecret();
  const refused = {
    name: "ValidationException",
    message: "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
  };
  for (const SecretId of ["Inv Name", " Inv Name", " Inv*Name? ", " Inv *?!]Name\\-"]) {
    const token = { ClientRequestToken: randomUUID() };
    expect(refusal(() => create({ Name: SecretId, ...token, SecretString: "x" }))).toEqual(refused);
    expect(refusal(() => remove({ SecretId, ForceDeleteWithoutRecovery: true }))).toEqual(refused);
    expect(refusal(() => describe({ SecretId }))).toEqual(refused);
    expect(refusal(() => get({ SecretId }))).toEqual(refused);
    expect(refusal(() => versions({ SecretId, IncludeDeprecated: true }))).toEqual(refused);
    expect(refusal(() => put({ SecretId, ...token, SecretString: "x" }))).toEqual(refused);
    expect(refusal(() => tag({ SecretId, Tags: [{ Key: "k", Value: "v" }] }))).toEqual(refused);
    expect(refusal(() => untag({ SecretId, TagKeys: ["k"] }))).toEqual(refused);
    expect(refusal(() => update({ SecretId, ...token, Description: "x" }))).toEqual(refused);
    expect(refusal(() => more.rotate({ SecretId, ...token, RotationLambdaARN: FUNCTION }))).toEqual(refused);
    expect(refusal(() => more.cancel({ SecretId }))).toEqual(refused);
    expect(refusal(() => more.restore({ SecretId }))).toEqual(refused);
    const move = { VersionStage: "MINE", MoveToVersionId: v1 };
    expect(refusal(() => more.stage({ SecretId, ...move }))).toEqual(refused);
    // Of several secrets each is answered for itself.
    expect(more.batch({ SecretIdList: ["db", SecretId] })).toMatchObject({
      SecretValues: [{ Name: "db" }],
      Errors: [{ SecretId, ErrorCode: refused.name, Message: refused.message }],
    });
  }
});

test("a secret created without a value has no version, and its first value becomes AWSCURRENT whatever labels it names", () => {
  const { create, describe, put, labels } = startService();
  const created = create({ Name: "empty", ClientRequestToken: randomUUID() });
  expect(created).not.toHaveProperty("VersionId");
  expect(describe({ SecretId: "empty" })).not.toHaveProperty("VersionIdsToStages");
  put({ SecretId: "empty", ClientRequestToken: v2, SecretString: "x", VersionStages: ["MINE"] });
  expect(labels("empty", { v2 })).toEqual({ v2: ["AWSCURRENT", "MINE"] });
});

test("DescribeSecret leaves out what is unset and gives LastAccessedDate without a time", () => {
  const { describe, get, arn, v1, clock } = withSecret();
  expect(describe({ SecretId: "db" })).toEqual({
    ARN: arn,
    Name: "db",
    CreatedDate: new Date(clock.now()),
    LastChangedDate: new Date(clock.now()),
    VersionIdsToStages: { [v1]: ["AWSCURRENT"] },
  });
  get({ SecretId: "db" });
  expect(describe({ SecretId: "db" }).LastAccessedDate).toEqual(new Date(Date.UTC(2030, 0, 15)));
});

test("SecretBinary is stored as its bytes and answered in base64", () => {
  const { put, get } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretBinary: new Uint8Array([1, 2, 3]) });
  expect(get({ SecretId: "db" })).toMatchObject({ VersionId: v2, SecretBinary: "AQID" });
  expect(put({ SecretId: "db", ClientRequestToken: v2, SecretBinary: "AQID" }).VersionStages).toEqual(["AWSCURRENT"]);
});

test("versions are listed page by page, with the key that encrypts them", () => {
  const { put, versions, v1 } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2" });
  const first = versions({ SecretId: "db", MaxResults: 1 });
  expect(first.Versions).toMatchObject([
    { VersionId: v1, VersionStages: ["AWSPREVIOUS"], KmsKeyIds: ["DefaultEncryptionKey"] },
  ]);
  const second = versions({ SecretId: "db", MaxResults: 1, NextToken: first.NextToken });
  expect(second.Versions).toMatchObject([{ VersionId: v2 }]);
  expect(second).not.toHaveProperty("NextToken");
  expect(refusal(() => versions({ SecretId: "db", NextToken: "nonsense" })).name).toBe("InvalidNextTokenException");
});

test("ListSecrets filters by prefix, negates with !, pages, and calls the label map SecretVersionsToStages", () => {
  const { create, list, service } = startService();
  const make = (Name: string, Value: string) =>
    create({
      Name,
      SecretString: "x",
      ClientRequestToken: randomUUID(),
      Tags: [{ Key: "team", Value }],
      Description: `Of ${Value}`,
    });
  make("prod/a", "orders");
  make("prod/b", "billing");
  make("test/a", "orders");
  service.seed({ Name: "rds!db-1", SecretString: "x", OwningService: "rds" });
  const names = (...Filters: object[]) => list({ Filters }).SecretList.map((secret: { Name: string }) => secret.Name);
  expect(names({ Key: "name", Values: ["prod/"] })).toEqual(["prod/a", "prod/b"]);
  expect(names({ Key: "name", Values: ["!prod/"] })).toEqual(["test/a", "rds!db-1"]);
  expect(names({ Key: "name", Values: ["prod/"] }, { Key: "tag-value", Values: ["ord"] })).toEqual(["prod/a"]);
  expect(names({ Key: "tag-key", Values: ["team"] })).toHaveLength(3);
  expect(names({ Key: "owning-service", Values: ["rds"] })).toEqual(["rds!db-1"]);
  expect(names({ Key: "description", Values: ["of BILL"] })).toEqual(["prod/b"]);
  expect(names({ Key: "all", Values: ["Billing"] })).toEqual(["prod/b"]);
  expect(refusal(() => names({ Key: "color", Values: ["red"] }))).toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining(
      "at 'filters.1.member.key' failed to satisfy constraint: Member must satisfy enum value set",
    ),
  });
  for (const entry of list({}).SecretList) expect(entry).not.toHaveProperty("ReplicationStatus");
  const first = list({ MaxResults: 3, SortBy: "name", SortOrder: "desc" });
  expect(first.SecretList.map((s: { Name: string }) => s.Name)).toEqual(["test/a", "rds!db-1", "prod/b"]);
  expect(
    list({ MaxResults: 3, SortBy: "name", SortOrder: "desc", NextToken: first.NextToken }).SecretList,
  ).toHaveLength(1);
  expect(first.SecretList[0]).toHaveProperty("SecretVersionsToStages");
  expect(first.SecretList[0]).not.toHaveProperty("VersionIdsToStages");
});

test("a secret marked for deletion is described and listed on request, but neither read nor written, until it is gone", () => {
  const { remove, describe, get, put, create, list, clock } = withSecret();
  const { DeletionDate } = remove({ SecretId: "db", RecoveryWindowInDays: 7 });
  expect(DeletionDate).toEqual(new Date(clock.now() + 7 * 24 * HOUR_MS));
  expect(describe({ SecretId: "db" }).DeletedDate).toEqual(DeletionDate);
  const marked = {
    name: "InvalidRequestException",
    message: "You can't perform this operation on the secret because it was marked for deletion.",
  };
  expect(refusal(() => get({ SecretId: "db" }))).toEqual(marked);
  expect(refusal(() => put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2" }))).toEqual(marked);
  expect(refusal(() => create({ Name: "db", SecretString: "x", ClientRequestToken: v2 }))).toEqual({
    name: "InvalidRequestException",
    message: "You can't create this secret because a secret with this name is already scheduled for deletion.",
  });
  expect(list({}).SecretList).toEqual([]);
  expect(list({ IncludePlannedDeletion: true }).SecretList).toHaveLength(1);
  clock.advance(7 * 24 * HOUR_MS);
  expect(refusal(() => describe({ SecretId: "db" })).name).toBe("ResourceNotFoundException");
});

test("a forced deletion is immediate, frees the name, and of a missing secret is no error", () => {
  const { remove, describe, create, arn } = withSecret();
  expect(remove({ SecretId: arn, ForceDeleteWithoutRecovery: true })).toMatchObject({ ARN: arn, Name: "db" });
  expect(refusal(() => describe({ SecretId: "db" })).name).toBe("ResourceNotFoundException");
  expect(remove({ SecretId: "db", ForceDeleteWithoutRecovery: true })).toMatchObject({ Name: "db" });
  expect(refusal(() => remove({ SecretId: "db" })).name).toBe("ResourceNotFoundException");
  expect(create({ Name: "db", SecretString: "x", ClientRequestToken: v2 }).ARN).not.toBe(arn);
  const both = { SecretId: "db", ForceDeleteWithoutRecovery: true, RecoveryWindowInDays: 7 };
  expect(refusal(() => remove(both)).name).toBe("InvalidParameterException");
  expect(refusal(() => remove({ SecretId: "db", RecoveryWindowInDays: 6 })).name).toBe("InvalidParameterException");
});

test("a managed secret and a replica can be read and not written", () => {
  const { service, get, put, stage, rotate, cancel, remove, restore, describe } = startService();
  const managed = service.seed({ Name: "rds!db-1", SecretString: "managed", OwningService: "rds" });
  expect(get({ SecretId: managed.ARN }).SecretString).toBe("managed");
  expect(describe({ SecretId: "rds!db-1" })).toMatchObject({
    OwningService: "rds",
    Tags: [{ Key: "aws:secretsmanager:owningService", Value: "rds" }],
  });
  const refused = {
    name: "InvalidRequestException",
    message: "The secret is managed by another service, and you must use that service to update it.",
  };
  const SecretId = "rds!db-1";
  expect(refusal(() => put({ SecretId, ClientRequestToken: v2, SecretString: "2" }))).toEqual(refused);
  const move = { SecretId, VersionStage: "MINE", MoveToVersionId: managed.VersionId };
  expect(refusal(() => stage(move))).toEqual(refused);
  expect(refusal(() => restore({ SecretId }))).toEqual(refused);
  expect(refusal(() => cancel({ SecretId }))).toEqual(refused);
  expect(refusal(() => remove({ SecretId, ForceDeleteWithoutRecovery: true }))).toEqual(refused);

  service.seed({ Name: "replica", SecretString: "x", PrimaryRegion: "us-east-1" });
  expect(refusal(() => put({ SecretId: "replica", ClientRequestToken: v2, SecretString: "2" }))).toEqual({
    name: "InvalidParameterException",
    message: "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
  });
  expect(refusal(() => rotate({ SecretId: "replica", ClientRequestToken: v2 })).message).toMatch(/^Operation not per/);
  service.seed({ Name: "home", SecretString: "x", PrimaryRegion: REGION, Type: "SalesforceClientSecret" });
  put({ SecretId: "home", ClientRequestToken: v2, SecretString: "2" });
  expect(describe({ SecretId: "home" })).toMatchObject({ Type: "SalesforceClientSecret", PrimaryRegion: REGION });
});

test("seeding a secret again is its owner's rotation: AWSCURRENT moves, with the events and without an API call", () => {
  const { service, labels, events, rotationEvents, describe, clock } = startService();
  const v1 = service.seed({ Name: "rds!db-1", SecretString: "one", OwningService: "rds" }).VersionId;
  events.length = 0;
  const next = service.seed({ Name: "rds!db-1", SecretString: "two" }).VersionId;
  expect(labels("rds!db-1", { v1, next })).toEqual({ v1: ["AWSPREVIOUS"], next: ["AWSCURRENT"] });
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
  expect(events.filter((event) => event.detailType === "AWS API Call via CloudTrail")).toEqual([]);
  expect(describe({ SecretId: "rds!db-1" }).LastRotatedDate).toEqual(new Date(clock.now()));
});

test("tags are added, replaced and taken off", () => {
  const { tag, untag, describe } = withSecret();
  expect(
    tag({
      SecretId: "db",
      Tags: [
        { Key: "team", Value: "a" },
        { Key: "tier", Value: "1" },
      ],
    }),
  ).toEqual({});
  tag({ SecretId: "db", Tags: [{ Key: "team", Value: "b" }] });
  untag({ SecretId: "db", TagKeys: ["tier", "absent"] });
  expect(describe({ SecretId: "db" }).Tags).toEqual([{ Key: "team", Value: "b" }]);
  untag({ SecretId: "db", TagKeys: ["team"] });
  expect(describe({ SecretId: "db" }).Tags).toEqual([]);
});

test("everyValue gives every value that was ever stored, deleted secrets included", () => {
  const { put, remove, service } = withSecret();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "value-2" });
  remove({ SecretId: "db", ForceDeleteWithoutRecovery: true });
  expect(service.everyValue()).toEqual(["value-1", "value-2"]);
});
