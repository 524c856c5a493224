import { expect, test } from "vitest";
import { logLink } from "../../view/model/log-link.ts";

const version = "0f3b6c1d-2e4a-5b6c-8d7e-1f0e2d3c4b5a";
const attempt = { startedAt: new Date("2026-11-23T02:00:20.500Z"), endedAt: new Date("2026-11-23T02:00:22.000Z") };
const arnIn = (account: string, partition = "aws") =>
  `arn:${partition}:lambda:eu-central-1:${account}:function:rotor-production-rotate-postgres`;

test("an attempt's log is the function's, from a little before it, with the lines of its version", () => {
  const link = logLink(
    { FunctionName: arnIn("210987654321"), Payload: { ClientRequestToken: version, Step: "setSecret" } },
    attempt,
  );
  expect(link?.group).toBe("/aws/lambda/rotor-production-rotate-postgres");
  expect(link?.command).toBe(
    `aws logs tail /aws/lambda/rotor-production-rotate-postgres --since 2026-11-23T02:00:15.500Z --filter-pattern '"${version}"' --region eu-central-1`,
  );
  expect(link?.console).toBe(
    "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:log-groups/log-group/" +
      "$252Faws$252Flambda$252Frotor-production-rotate-postgres/log-events$3Fstart$3D1795399215500$26end$3D1795399282000" +
      `$26filterPattern$3D$2522${version}$2522`,
  );
});

test.each([
  [{ versionId: version, token: "other" }],
  [{ rotation: { token: version } }],
  [{ plan: { token: version } }],
])("the version is found in each kind of request: %j", (Payload) => {
  expect(logLink({ FunctionName: arnIn("210987654321"), Payload }, attempt)?.command).toContain(version);
});

test("an attempt that goes on has no end, and what is no id is not looked for", () => {
  const link = logLink(
    { FunctionName: arnIn("210987654321", "aws-cn"), Payload: { token: "'; rm -rf /" } },
    { startedAt: attempt.startedAt },
  );
  expect(link?.command).not.toContain("filter-pattern");
  expect(link?.console).toMatch(/^https:\/\/eu-central-1\.console\.amazonaws\.cn\/.*start\$3D\d+$/);
});

test("an embedded account has no console, and what calls no function has no log", () => {
  expect(logLink({ FunctionName: arnIn("123456789012") }, attempt)).toMatchObject({ console: null });
  for (const request of [undefined, "text", {}, { FunctionName: "rotate" }, { FunctionName: `${arnIn("1")};x` }])
    expect(logLink(request, attempt)).toBeUndefined();
});
