import { describe, expect, test } from "vitest";
import { checkDeployment, parseDeployment } from "../../core/deployment.ts";

const alarms = "https://runbooks.example.com/alarms";
const errors = "https://runbooks.example.com/errors";
const settings = { region: "eu-west-1", runbooks: { alarms, errors } };
const network = { subnetIds: ["subnet-0a1b2c3d"], securityGroupIds: ["sg-0a1b2c3d"] };
const key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const bus = "arn:aws:events:eu-west-1:210987654321:event-bus/rotor-production-rotation";

describe("a mistake in deployment.config names the field, and says what is allowed", () => {
  const keyWanted = "must be the full ARN of a KMS key";
  const region = 'must be a Region, such as "eu-west-1"';
  const link = "must be a URL that begins with https:// or http://";
  const kept = "is set by the deployment itself: take it out";
  const characters = "letters, digits, spaces and _ . : / = + - @";

  test.each<[string, object, string, string]>([
    [
      "a malformed subnet",
      { network: { postgresql: { ...network, subnetIds: ["subnet-0a1b2c3d", "subnet-1"] } } },
      "network.postgresql.subnetIds[1]",
      'must be a subnet\'s id: "subnet-" and 8 or 17 hexadecimal digits',
    ],
    [
      "no subnet",
      { network: { postgresql: { ...network, subnetIds: [] } } },
      "network.postgresql.subnetIds",
      "must not be empty",
    ],
    [
      "a subnet twice",
      { network: { postgresql: { ...network, subnetIds: ["subnet-0a1b2c3d", "subnet-0a1b2c3d"] } } },
      "network.postgresql.subnetIds",
      "names a subnet twice: name each once",
    ],
    [
      "a malformed security group",
      { network: { dependents: { ...network, securityGroupIds: ["default"] } } },
      "network.dependents.securityGroupIds[0]",
      'must be a security group\'s id: "sg-" and 8 or 17 hexadecimal digits',
    ],
    [
      "a security group twice",
      { network: { dependents: { ...network, securityGroupIds: ["sg-0a1b2c3d", "sg-0a1b2c3d"] } } },
      "network.dependents.securityGroupIds",
      "names a security group twice: name each once",
    ],
    ["an engine that there is not", { network: { mysql: network } }, "network", 'there is no field "mysql" here'],
    ["an unknown field", { regions: [] }, "The default export", 'there is no field "regions" here'],
    ["a key's alias", { kmsKeyArn: "alias/rotor" }, "kmsKeyArn", keyWanted],
    ["an alias's ARN", { kmsKeyArn: key.replace(/key.*/, "alias/rotor") }, "kmsKeyArn", keyWanted],
    ["a key's id that is none", { kmsKeyArn: key.replace("-12ab-", "-12-") }, "kmsKeyArn", keyWanted],
    ["a key without a Region", { kmsKeyArn: key.replace("eu-west-1", "") }, "kmsKeyArn", keyWanted],
    ["a multi-Region key's id cut", { kmsKeyArn: key.replace(/key.*/, "key/mrk-1234abcd") }, "kmsKeyArn", keyWanted],
    ["a bus's name", { rehearsesFor: ["rotation"] }, "rehearsesFor[0]", "must be the full ARN of an event bus"],
    [
      "an account's default bus",
      { rehearsesFor: [bus, bus.replace(/[^/]+$/, "default")] },
      "rehearsesFor[1]",
      "is an account's default bus, on which no Rotor listens for rehearsals: give the other deployment's output rotation-bus-arn",
    ],
    [
      "a requester that is an account",
      { requesters: ["arn:aws:iam::123456789012:root"] },
      "requesters[0]",
      "must be the ARN of a role or a user",
    ],
    ["no requester at all", { requesters: [] }, "requesters", "must not be empty"],
    ["a bus twice", { rehearsesFor: [bus, bus] }, "rehearsesFor", "names a bus twice: name each once"],
    ["a Region that is none", { region: "Frankfurt" }, "region", region],
    ["no Region", { region: undefined }, "region", region],
    ["a Region that is no text", { region: 1 }, "region", region],
    ["no runbooks", { runbooks: undefined }, "runbooks", "is missing"],
    ["no runbook of alarms", { runbooks: { errors } }, "runbooks.alarms", link],
    ["no runbook of errors", { runbooks: { alarms } }, "runbooks.errors", link],
    ["a runbook that is no address", { runbooks: { alarms, errors: "the wiki" } }, "runbooks.errors", link],
    [
      "a runbook that leaves an alarm's description no room",
      { runbooks: { errors, alarms: `https://runbooks.example.com/${"a".repeat(672)}` } },
      "runbooks.alarms",
      "must have at most 700 characters",
    ],
    [
      "a runbook that leaves a message too little room",
      { runbooks: { alarms, errors: `https://runbooks.example.com/${"a".repeat(472)}` } },
      "runbooks.errors",
      "must have at most 500 characters",
    ],
    [
      "a runbook with a fragment",
      { runbooks: { errors, alarms: "https://runbooks.example.com/rotor#alarms" } },
      "runbooks.alarms",
      'must not have a "#" of its own: that of the section is added to it',
    ],
    [
      "a runbook with a password",
      { runbooks: { alarms, errors: "https://me:hunter2@runbooks.example.com" } },
      "runbooks.errors",
      "must not carry credentials, which everybody would read: take the part before the @ out of it",
    ],
    [
      "a tag of AWS's",
      { tags: { "AWS:owner": "me" } },
      'tags["AWS:owner"]',
      'begins with "aws:", which AWS keeps for itself in any letter case: call it otherwise',
    ],
    ["the tag app", { tags: { app: "mine" } }, "tags.app", kept],
    ["the tag Stage", { tags: { Stage: "mine" } }, "tags.Stage", kept],
    ["the tag managed-by", { tags: { "managed-by": "me" } }, 'tags["managed-by"]', kept],
    ["a tag of SST's", { tags: { "sst:app": "mine" } }, 'tags["sst:app"]', kept],
    ["a tag of the functions'", { tags: { "rotor:heartbeat": "now" } }, 'tags["rotor:heartbeat"]', kept],
    [
      "tags that IAM takes for one",
      { tags: { owner: "a", Owner: "b" } },
      "tags.Owner",
      'is "owner" but for letter case, which is one key to IAM: keep one of them',
    ],
    ["a key that AWS refuses", { tags: { "a,b": "c" } }, 'tags["a,b"]', `a tag's key must have 1 to 128 ${characters}`],
    ["no key", { tags: { "": "c" } }, 'tags[""]', `a tag's key must have 1 to 128 ${characters}`],
    ["a value that AWS refuses", { tags: { a: "b;c" } }, "tags.a", `a tag's value must have at most 256 ${characters}`],
    ["a long value", { tags: { a: "b".repeat(257) } }, "tags.a", `a tag's value must have at most 256 ${characters}`],
    ["a value that is no text", { tags: { a: 4711 } }, "tags.a", "must be a text, and is a number"],
    [
      "more tags than there is room for",
      { tags: Object.fromEntries(Array.from({ length: 6 }, (_each, index) => [`t${index}`, ""])) },
      "tags",
      "has 6 tags, and there is room for 5: S3 takes 10 for an object, as which each function's code is kept, and the others are set by the deployment itself",
    ],
  ])("%s", (_what, change, field, message) => {
    const parsing = () => parseDeployment({ ...settings, ...change });
    expect(parsing).toThrowError(`deployment.config cannot be deployed. ${field}: ${message}`);
    expect(parsing).toThrowError(expect.objectContaining({ name: "ConfigurationInvalid" }));
    expect(parsing).toThrowError(/[^.]\. Nothing was deployed\.$/);
    expect(parsing).not.toThrowError("hunter2");
  });

  test("no default export", () => {
    expect(() => parseDeployment(undefined)).toThrowError(
      'deployment.config cannot be deployed. The default export: is missing: write "export default defineDeployment({...})". Nothing was deployed.',
    );
  });
});

describe("deployment.config", () => {
  test("may be nothing but a Region and the runbooks", () => {
    expect(parseDeployment(settings)).toMatchObject({ network: {}, rehearsesFor: [], tags: {} });
  });

  test("may have what AWS takes", () => {
    const full = {
      ...{ chat: true, digest: false },
      region: "us-gov-east-1",
      runbooks: {
        alarms: `https://runbooks.example.com/${"a".repeat(671)}`,
        errors: `https://runbooks.example.com/${"a".repeat(471)}`,
      },
      kmsKeyArn: key.replace(/key.*/, `key/mrk-${"1234abcd".repeat(4)}`),
      rehearsesFor: [bus, bus.replace("eu-west-1", "us-east-1")],
      network: { postgresql: network, dependents: network },
      tags: {
        owner: "",
        Größe: "日本 2",
        "cost center": "a_b.c:d/e=f+g-h@i",
        ["k".repeat(128)]: "x".repeat(256),
        application: "x",
      },
    };
    expect(parseDeployment(full)).toEqual(full);
  });
});

describe("what only the place shows is refused with the field and the fix", () => {
  const own = "arn:aws:events:eu-west-1:123456789012:event-bus/rotor-dev-rotation";
  const here = { partition: "aws", account: "123456789012", region: "eu-west-1", rotationBusArn: own };
  const check = (change: object) => checkDeployment(parseDeployment({ ...settings, ...change }), here);

  test.each<[string, object, string]>([
    [
      "a key of another account",
      { kmsKeyArn: key.replace("123456789012", "210987654321") },
      "kmsKeyArn: is of account 210987654321, and this deploys to 123456789012: give a key that is there, too",
    ],
    [
      "a key of another Region",
      { kmsKeyArn: key.replace("eu-west-1", "us-east-1") },
      "kmsKeyArn: is in us-east-1, and this deploys to eu-west-1: give a key that is there, too",
    ],
    [
      "a key of another partition",
      { kmsKeyArn: key.replace("arn:aws:", "arn:aws-cn:") },
      "kmsKeyArn: is of partition aws-cn, and this deploys to aws: give a key that is there, too",
    ],
    [
      "its own bus",
      { rehearsesFor: [bus, own] },
      "rehearsesFor[1]: is this deployment's own bus: what is rehearsed here is told there anyway. Take it out",
    ],
    [
      "a bus of another partition",
      { rehearsesFor: [bus.replace("arn:aws:", "arn:aws-us-gov:")] },
      "rehearsesFor[0]: is of partition aws-us-gov, and this deploys to aws: no event crosses that, so take it out",
    ],
  ])("%s", (_what, change, message) => {
    expect(() => check(change)).toThrowError(`deployment.config cannot be deployed. ${message}`);
    expect(() => check(change)).toThrowError(/Nothing was deployed\.$/);
  });

  test("all of them at once", () => {
    const change = { kmsKeyArn: key.replace("eu-west-1", "us-east-1"), rehearsesFor: [own] };
    expect(() => check(change)).toThrowError(/kmsKeyArn: .* rehearsesFor\[0\]: /);
  });

  test("another stage's bus, another Region's, and a key that is here are taken", () => {
    check({
      kmsKeyArn: key,
      rehearsesFor: [bus, own.replace("dev", "staging"), own.replace("eu-west-1", "us-east-1")],
    });
  });
});
