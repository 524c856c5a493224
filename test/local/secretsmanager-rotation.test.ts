import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import {
  FUNCTION,
  type Harness,
  type Invocation,
  manualClock,
  refusal,
  settle,
  templateHandler,
  withSecret,
} from "./secretsmanager-harness.ts";

const STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const RULES = { AutomaticallyAfterDays: 30 };

/** A secret whose rotation function behaves like AWS's templates, until `onInvoke` says otherwise. */
function rotatable(options: Parameters<typeof withSecret>[0] = {}) {
  const secret = withSecret(options);
  const succeeds = templateHandler(() => secret);
  secret.onInvoke(succeeds);
  const v2 = randomUUID();
  const request = { SecretId: "db", ClientRequestToken: v2, RotationLambdaARN: FUNCTION, RotationRules: RULES };
  return { ...secret, succeeds, v2, request };
}

const failAt = (step: string, succeeds: (invocation: Invocation) => unknown) => (invocation: Invocation) => {
  if (invocation.Step === step) throw new Error("no");
  return succeeds(invocation);
};

const pendingOnly = (labels: Record<string, string[]>) =>
  Object.keys(labels).filter((id) => labels[id]?.includes("AWSPENDING"));

test("RotateSecret invokes the function four times, in order, with ids and one rotation token, and then has rotated", async () => {
  const { rotate, request, invocations, service, arn, labels, v1, v2, describe, clock, rotationEvents } = rotatable();
  expect(rotate(request)).toEqual({ ARN: arn, Name: "db", VersionId: v2 });
  await service.idle();
  expect(invocations.map(({ Step }) => Step)).toEqual(STEPS);
  for (const invocation of invocations) {
    expect(invocation).toMatchObject({ SecretId: arn, ClientRequestToken: v2 });
    expect(invocation.RotationToken).toMatch(/^[a-zA-Z0-9-]{36,256}$/);
  }
  expect(new Set(invocations.map(({ RotationToken }) => RotationToken)).size).toBe(1);
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "AWSPENDING"] });
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
  expect(describe({ SecretId: "db" })).toMatchObject({
    RotationEnabled: true,
    RotationLambdaARN: FUNCTION,
    RotationRules: RULES,
    LastRotatedDate: new Date(clock.now()),
    NextRotationDate: new Date(Date.UTC(2030, 1, 14, 23, 59, 59)),
  });
});

test("a function that takes AWSPENDING off itself has rotated too", async () => {
  const { rotate, request, service, onInvoke, succeeds, stage, labels, v1, v2, rotationEvents } = rotatable();
  onInvoke((invocation) => {
    succeeds(invocation);
    if (invocation.Step === "finishSecret")
      stage({ SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: v2 });
  });
  rotate(request);
  await service.idle();
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT"] });
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
});

test("the AWSPENDING version is there, empty, before createSecret, and takes one value", async () => {
  const { rotate, request, onInvoke, succeeds, get, put, labels, service, v1, v2 } = rotatable();
  const seen: unknown[] = [];
  onInvoke((invocation) => {
    if (invocation.Step === "createSecret") {
      seen.push(labels("db", { v1, v2 }));
      seen.push(refusal(() => get({ SecretId: "db", VersionId: v2 })).message);
      seen.push(refusal(() => get({ SecretId: "db", VersionStage: "AWSPENDING" })).message);
    }
    succeeds(invocation);
    if (invocation.Step === "createSecret") {
      const again = { SecretId: "db", ClientRequestToken: v2, SecretString: "another", VersionStages: ["AWSPENDING"] };
      seen.push(refusal(() => put(again)).name);
    }
  });
  rotate(request);
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING"] });
  await service.idle();
  expect(seen).toEqual([
    { v1: ["AWSCURRENT"], v2: ["AWSPENDING"] },
    `Secrets Manager can't find the specified secret value for VersionId: ${v2}`,
    "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
    "ResourceExistsException",
  ]);
});

test("RotateSecret refuses in AWS's words, and stores nothing then", () => {
  const { rotate, request, describe, arn, v1, service, put } = rotatable({
    functionExists: (name) => name === FUNCTION,
  });
  const before = describe({ SecretId: "db" });
  const { ClientRequestToken: _, ...noToken } = request;
  expect(refusal(() => rotate(noToken))).toEqual({
    name: "InvalidParameterException",
    message: "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
  });
  expect(refusal(() => rotate({ ...request, ClientRequestToken: "x".repeat(65) })).name).toBe(
    "InvalidParameterException",
  );
  expect(refusal(() => rotate({ SecretId: "db", ClientRequestToken: request.ClientRequestToken }))).toEqual({
    name: "InvalidRequestException",
    message: "No Lambda rotation function ARN is associated with this secret.",
  });
  expect(refusal(() => rotate({ ...request, RotationLambdaARN: `${FUNCTION}-missing` }))).toEqual({
    name: "AccessDeniedException",
    message:
      "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.",
  });
  expect(refusal(() => rotate({ ...request, SecretId: "none" })).name).toBe("ResourceNotFoundException");
  expect(describe({ SecretId: "db" })).toEqual(before);

  put({ SecretId: arn, ClientRequestToken: randomUUID(), SecretString: "x", VersionStages: ["AWSPENDING"] });
  expect(refusal(() => rotate(request))).toEqual({
    name: "InvalidRequestException",
    message: "A previous rotation isn't complete. That rotation will be reattempted.",
  });
  expect(describe({ SecretId: "db" })).not.toHaveProperty("RotationEnabled");
  expect(describe({ SecretId: "db" }).VersionIdsToStages[v1]).toEqual(["AWSCURRENT"]);
  return service.idle();
});

test("AWSPENDING left on AWSCURRENT does not block the next rotation", async () => {
  const { rotate, request, service, labels, v1, v2 } = rotatable();
  rotate(request);
  await service.idle();
  const v3 = randomUUID();
  rotate({ SecretId: "db", ClientRequestToken: v3 });
  await service.idle();
  expect(labels("db", { v1, v2, v3 })).toEqual({ v2: ["AWSPREVIOUS"], v3: ["AWSCURRENT", "AWSPENDING"] });
});

test.each(STEPS)("a failure in %s is reported in AWS's words, and AWSPENDING stays", async (step) => {
  const { rotate, request, service, onInvoke, succeeds, invocations, labels, named, v1, v2 } = rotatable({
    rotation: { attempts: 0 },
  });
  onInvoke(failAt(step, succeeds));
  rotate(request);
  await service.idle();
  expect(invocations.map(({ Step }) => Step)).toEqual(STEPS.slice(0, STEPS.indexOf(step) + 1));
  const [failed] = named(["RotationFailed"]);
  expect(failed?.detail.errorMessage).toBe(`Error when executing lambda ${FUNCTION} during ${step} step`);
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING"] });
  expect(refusal(() => rotate({ ...request, ClientRequestToken: randomUUID() })).message).toContain("isn't complete");
});

test("AWSPENDING left behind by a rollback blocks the next rotation, until it is off", async () => {
  const { rotate, request, service, stage, labels, v1, v2 } = rotatable();
  rotate(request);
  await service.idle();
  stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: v2, MoveToVersionId: v1 });
  const next = { SecretId: "db", ClientRequestToken: randomUUID() };
  expect(refusal(() => rotate(next)).message).toContain("isn't complete");
  stage({ SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: v2 });
  rotate(next);
  await service.idle();
  expect(labels("db", { v1, v3: next.ClientRequestToken })).toEqual({
    v1: ["AWSPREVIOUS"],
    v3: ["AWSCURRENT", "AWSPENDING"],
  });
});

test("an invocation that cannot be made fails the step", async () => {
  const { rotate, request, service, rotationEvents } = rotatable({
    rotation: { attempts: 0 },
    invoke: () => Promise.reject(new Error("throttled")),
  });
  rotate(request);
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationFailed"]);
});

test("a finishSecret that returns without having moved AWSCURRENT has failed", async () => {
  const { rotate, request, service, onInvoke, succeeds, named } = rotatable({ rotation: { attempts: 0 } });
  onInvoke((invocation) => (invocation.Step === "finishSecret" ? null : succeeds(invocation)));
  rotate(request);
  await service.idle();
  expect(named(["RotationFailed"])[0]?.detail.errorMessage).toContain("during finishSecret step");
});

test("a rotation that ends with AWSPENDING on a third version has failed", async () => {
  const { rotate, put, stage, request, service, onInvoke, succeeds, rotationEvents, v2 } = rotatable({
    rotation: { attempts: 0 },
  });
  const third = randomUUID();
  put({ SecretId: "db", ClientRequestToken: third, SecretString: "x", VersionStages: ["MINE"] });
  onInvoke((invocation) => {
    succeeds(invocation);
    const move = { VersionStage: "AWSPENDING", RemoveFromVersionId: v2, MoveToVersionId: third };
    if (invocation.Step === "finishSecret") stage({ SecretId: "db", ...move });
  });
  rotate(request);
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationFailed"]);
});

test("a failed rotation is tried again as a whole, two more times, a minute apart, each attempt with its own events", async () => {
  const { rotate, request, service, onInvoke, succeeds, invocations, clock, rotationEvents, v2 } = rotatable();
  onInvoke(failAt("testSecret", succeeds));
  rotate(request);
  await service.idle();
  expect(clock.sleeps).toEqual([
    { milliseconds: 60_000, kind: "retry" },
    { milliseconds: 60_000, kind: "retry" },
  ]);
  expect(invocations.map(({ Step }) => Step)).toEqual([
    ...STEPS.slice(0, 3),
    ...STEPS.slice(0, 3),
    ...STEPS.slice(0, 3),
  ]);
  expect(new Set(invocations.map(({ ClientRequestToken }) => ClientRequestToken))).toEqual(new Set([v2]));
  expect(rotationEvents()).toEqual(Array(3).fill(["RotationStarted", "RotationFailed"]).flat());
});

test("a retry may succeed long after the failure was reported", async () => {
  const { rotate, request, service, onInvoke, succeeds, clock, labels, rotationEvents, v1, v2 } = rotatable({
    clock: manualClock({ immediate: false }),
  });
  onInvoke(failAt("setSecret", succeeds));
  rotate(request);
  await vi.waitFor(() => expect(clock.sleeps).toHaveLength(1));
  onInvoke(succeeds);
  clock.advance(60_000);
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationFailed", "RotationStarted", "RotationSucceeded"]);
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSPREVIOUS"], v2: ["AWSCURRENT", "AWSPENDING"] });
});

/** Fails the first attempt after AWSPENDING was taken off, and shows the labels that the second one finds. */
async function secondAttempt(form: "pending-put-back" | "same-token" | "new-token") {
  const secret = rotatable({ rotation: { attempts: 1, form } });
  const found: unknown[] = [];
  secret.onInvoke(({ Step, ClientRequestToken }) => {
    if (Step !== "createSecret") return null;
    const labels = secret.labels("db", { v1: secret.v1, v2: secret.v2, token: ClientRequestToken });
    found.push({ token: ClientRequestToken, pendingOn: pendingOnly(labels), labels });
    const pending = { SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: ClientRequestToken };
    if (pendingOnly(labels).length > 0) secret.stage(pending);
    throw new Error("rolled back");
  });
  secret.rotate(secret.request);
  await secret.service.idle();
  return { ...secret, second: found[1] as { token: string; pendingOn: string[] } };
}

test("pending-put-back retries the same token with AWSPENDING on it again", async () => {
  const { second, v2 } = await secondAttempt("pending-put-back");
  expect(second).toMatchObject({ token: v2, pendingOn: ["token"] });
});

test("same-token retries the same token and leaves the labels as they are", async () => {
  const { second, v2 } = await secondAttempt("same-token");
  expect(second).toMatchObject({ token: v2, pendingOn: [] });
});

test("new-token retries with a fresh placeholder under a fresh token", async () => {
  const { second, v2, get, named, arn } = await secondAttempt("new-token");
  expect(second.token).not.toBe(v2);
  expect(second.pendingOn).toEqual(["token"]);
  expect(refusal(() => get({ SecretId: "db", VersionId: second.token })).name).toBe("ResourceNotFoundException");
  const requestIds = named(["RotationStarted"]).map(({ detail }) => detail.requestID);
  expect(requestIds).toEqual([`Rotation-${arn}-${v2}`, `Rotation-${arn}-${second.token}`]);
});

test("pending-put-back never takes AWSPENDING from a version of somebody else", async () => {
  const { rotate, request, service, onInvoke, put, stage, labels, v1, v2 } = rotatable({ rotation: { attempts: 1 } });
  const other = randomUUID();
  put({ SecretId: "db", ClientRequestToken: other, SecretString: "x", VersionStages: ["MINE"] });
  const pendingAt: string[][] = [];
  onInvoke(() => {
    const pending = pendingOnly(labels("db", { v1, v2, other }));
    pendingAt.push(pending);
    if (pending[0] === "v2") {
      stage({ SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: v2, MoveToVersionId: other });
    }
    throw new Error("no");
  });
  rotate(request);
  await service.idle();
  expect(pendingAt).toEqual([["v2"], ["other"]]);
});

test("CancelRotateSecret ends the retries, turns rotation off, keeps the configuration and the labels, and names the version", async () => {
  const { rotate, cancel, request, service, onInvoke, succeeds, clock, invocations, describe, labels, arn, v1, v2 } =
    rotatable({
      clock: manualClock({ immediate: false }),
    });
  onInvoke(failAt("setSecret", succeeds));
  rotate(request);
  await vi.waitFor(() => expect(clock.sleeps).toHaveLength(1));
  expect(cancel({ SecretId: "db" })).toEqual({ ARN: arn, Name: "db", VersionId: v2 });
  await service.idle();
  expect(invocations).toHaveLength(2);
  const described = describe({ SecretId: "db" });
  expect(described).toMatchObject({ RotationEnabled: false, RotationLambdaARN: FUNCTION, RotationRules: RULES });
  expect(described).not.toHaveProperty("NextRotationDate");
  expect(labels("db", { v1, v2 })).toEqual({ v1: ["AWSCURRENT"], v2: ["AWSPENDING"] });
  expect(refusal(() => rotate({ ...request, ClientRequestToken: randomUUID() })).message).toContain("isn't complete");
});

test("a rotation cancelled during a step makes no further step and reports no outcome", async () => {
  const { rotate, cancel, request, service, onInvoke, succeeds, invocations, rotationEvents } = rotatable();
  onInvoke((invocation) => {
    succeeds(invocation);
    if (invocation.Step === "setSecret") cancel({ SecretId: "db" });
  });
  rotate(request);
  await service.idle();
  expect(invocations.map(({ Step }) => Step)).toEqual(["createSecret", "setSecret"]);
  expect(rotationEvents()).toEqual(["RotationStarted"]);
});

test("CancelRotateSecret without a rotation names no version, and may be repeated", () => {
  const { cancel, describe, arn } = withSecret();
  expect(cancel({ SecretId: "db" })).toEqual({ ARN: arn, Name: "db" });
  expect(cancel({ SecretId: "db" })).toEqual({ ARN: arn, Name: "db" });
  expect(describe({ SecretId: "db" })).not.toHaveProperty("RotationEnabled");
});

test("a version that somebody else makes during a rotation abandons it and takes AWSPENDING off", async () => {
  const { rotate, put, request, service, onInvoke, succeeds, invocations, labels, rotationEvents, v1, v2 } =
    rotatable();
  const other = randomUUID();
  onInvoke((invocation) => {
    succeeds(invocation);
    if (invocation.Step === "setSecret") put({ SecretId: "db", ClientRequestToken: other, SecretString: "by hand" });
  });
  rotate(request);
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationAbandoned"]);
  expect(invocations.map(({ Step }) => Step)).toEqual(["createSecret", "setSecret"]);
  expect(labels("db", { v1, v2, other })).toEqual({ v1: ["AWSPREVIOUS"], other: ["AWSCURRENT"] });
  rotate({ SecretId: "db", ClientRequestToken: randomUUID() });
  await service.idle();
  expect(rotationEvents().at(-1)).toBe("RotationSucceeded");
});

test("a new value also ends a rotation whose attempts are used up", async () => {
  const { rotate, put, request, service, onInvoke, labels, rotationEvents, v1 } = rotatable({
    rotation: { attempts: 0 },
  });
  onInvoke(() => Promise.reject(new Error("no")));
  rotate(request);
  await service.idle();
  const other = randomUUID();
  put({ SecretId: "db", ClientRequestToken: other, SecretString: "by hand" });
  expect(rotationEvents().at(-1)).toBe("RotationAbandoned");
  expect(labels("db", { v1, other })).toEqual({ v1: ["AWSPREVIOUS"], other: ["AWSCURRENT"] });
});

test("a failed rotation whose AWSPENDING was taken off is over: a new value abandons nothing", async () => {
  const { rotate, put, stage, request, service, onInvoke, rotationEvents, v2 } = rotatable({
    rotation: { attempts: 0 },
  });
  onInvoke(() => Promise.reject(new Error("no")));
  rotate(request);
  await service.idle();
  stage({ SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: v2 });
  put({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "by hand" });
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationFailed"]);
});

test("once AWSPENDING is off, a new RotateSecret takes the place of the rotation that waits for its retry", async () => {
  const { rotate, stage, request, service, onInvoke, succeeds, clock, invocations, v2 } = rotatable({
    clock: manualClock({ immediate: false }),
  });
  onInvoke(failAt("createSecret", succeeds));
  rotate(request);
  await vi.waitFor(() => expect(clock.sleeps).toHaveLength(1));
  stage({ SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: v2 });
  onInvoke(succeeds);
  const v3 = randomUUID();
  rotate({ SecretId: "db", ClientRequestToken: v3 });
  clock.advance(60_000);
  await service.idle();
  expect(invocations.map(({ ClientRequestToken }) => ClientRequestToken)).toEqual([v2, v3, v3, v3, v3]);
});

test("RotateImmediately=false stores the configuration, runs testSecret alone on an empty version, and removes that version", async () => {
  const { rotate, request, service, onInvoke, invocations, labels, versions, describe, rotationEvents, v1, v2 } =
    rotatable();
  const during: unknown[] = [];
  onInvoke(() => void during.push(labels("db", { v1, v2 })));
  expect(rotate({ ...request, RotateImmediately: false }).VersionId).toBe(v2);
  await service.idle();
  expect(invocations.map(({ Step }) => Step)).toEqual(["testSecret"]);
  expect(during).toEqual([{ v1: ["AWSCURRENT"], v2: ["AWSPENDING"] }]);
  expect(labels("db", { v1 })).toEqual({ v1: ["AWSCURRENT"] });
  expect(versions({ SecretId: "db", IncludeDeprecated: true }).Versions).toHaveLength(1);
  expect(rotationEvents()).toEqual(["TestRotationStarted", "TestRotationSucceeded"]);
  expect(describe({ SecretId: "db" })).toMatchObject({ RotationEnabled: true, RotationRules: RULES });
  expect(describe({ SecretId: "db" })).not.toHaveProperty("LastRotatedDate");
});

test("a test rotation under the token of a version that is there leaves it, with its value", async () => {
  const { rotate, request, service, put, stage, get, v1, v2 } = rotatable();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "kept", VersionStages: ["MINE"] });
  stage({ SecretId: "db", VersionStage: "MINE", RemoveFromVersionId: v2, MoveToVersionId: v1 });
  rotate({ ...request, RotateImmediately: false });
  await service.idle();
  expect(get({ SecretId: "db", VersionId: v2 })).toMatchObject({ SecretString: "kept" });
});

test("a failed test rotation is reported, is not tried again, and leaves no version", async () => {
  const { rotate, request, service, onInvoke, clock, labels, named, rotationEvents, v1 } = rotatable();
  onInvoke(() => Promise.reject(new Error("no")));
  rotate({ ...request, RotateImmediately: false });
  await service.idle();
  expect(rotationEvents()).toEqual(["TestRotationStarted", "TestRotationFailed"]);
  expect(named(["TestRotationFailed"])[0]?.detail.errorMessage).toBe(
    `Error when executing lambda ${FUNCTION} during testSecret step`,
  );
  expect(labels("db", { v1 })).toEqual({ v1: ["AWSCURRENT"] });
  expect(clock.sleeps).toEqual([]);
});

test("a second RotateSecret is refused while an attempt runs, also after AWSCURRENT has moved", async () => {
  const { rotate, request, service, onInvoke, succeeds } = rotatable();
  const refused: string[] = [];
  onInvoke((invocation) => {
    succeeds(invocation);
    refused.push(refusal(() => rotate({ ...request, ClientRequestToken: randomUUID() })).message);
  });
  rotate(request);
  await service.idle();
  expect(refused).toEqual(Array(4).fill("A previous rotation isn't complete. That rotation will be reattempted."));
});

test("deleting the secret and stopping the service end a rotation", async () => {
  for (const end of [
    (secret: Harness) => secret.remove({ SecretId: "db" }),
    (secret: Harness) => secret.service.stop(),
  ]) {
    const secret = rotatable({ clock: manualClock({ immediate: false }) });
    secret.onInvoke(() => Promise.reject(new Error("no")));
    secret.rotate(secret.request);
    await vi.waitFor(() => expect(secret.clock.sleeps).toHaveLength(1));
    end(secret);
    await secret.service.idle();
    expect(secret.invocations).toHaveLength(1);
  }
});

test("idle waits for the attempt that runs and for the one that waits", async () => {
  const { rotate, request, service, onInvoke, succeeds, clock } = rotatable({
    clock: manualClock({ immediate: false }),
  });
  onInvoke(failAt("createSecret", succeeds));
  let idle = false;
  rotate(request);
  void service.idle().then(() => {
    idle = true;
  });
  await vi.waitFor(() => expect(clock.sleeps).toHaveLength(1));
  await settle();
  expect(idle).toBe(false);
  onInvoke(succeeds);
  clock.advance(60_000);
  await vi.waitFor(() => expect(idle).toBe(true));
});

test.each([
  [{ AutomaticallyAfterDays: 0 }],
  [{ AutomaticallyAfterDays: 1001 }],
  [{ AutomaticallyAfterDays: 1, ScheduleExpression: "rate(1 day)" }],
  [{}],
  [{ ScheduleExpression: "rate(3 hours)" }],
  [{ ScheduleExpression: "rate(1000 days)" }],
  [{ ScheduleExpression: "rate(0 days)" }],
  [{ ScheduleExpression: "every day" }],
  [{ ScheduleExpression: "rate(4 hours)", Duration: "5h" }],
  [{ ScheduleExpression: "rate(10 days)", Duration: "3d" }],
  [{ ScheduleExpression: "rate(10 days)", Duration: "25h" }],
  [{ ScheduleExpression: "cron(30 8 1 * ? *)" }],
  [{ ScheduleExpression: "cron(0 8 1 * ? 2031)" }],
  [{ ScheduleExpression: "cron(0 8 1 * MON *)" }],
  [{ ScheduleExpression: "cron(0 */2 * * ? *)" }],
  [{ ScheduleExpression: "cron(0 1,3 * * ? *)" }],
  [{ ScheduleExpression: "cron(0 8 32 * ? *)" }],
  [{ ScheduleExpression: "cron(0 8 30 2 ? *)" }],
  [{ ScheduleExpression: "cron(0 20 * * ? *)", Duration: "5h" }],
  [{ ScheduleExpression: "cron(0 /8 * * ? *)", Duration: "9h" }],
  [{ ScheduleExpression: "rate(300 minutes)" }],
  [{ ScheduleExpression: "cron(0 8 1 * ?)" }],
])("RotationRules %j are refused", (RotationRules) => {
  const { rotate, request, describe } = rotatable();
  expect(refusal(() => rotate({ ...request, RotationRules })).name).toBe("InvalidParameterException");
  expect(describe({ SecretId: "db" })).not.toHaveProperty("RotationEnabled");
});

test.each([
  [{ AutomaticallyAfterDays: 1 }, "2030-01-16T23:59:59.000Z"],
  [{ ScheduleExpression: "rate(10 days)" }, "2030-01-25T23:59:59.000Z"],
  [{ ScheduleExpression: "rate(10 days)", Duration: "3h" }, "2030-01-25T02:59:59.000Z"],
  [{ ScheduleExpression: "rate(12 hours)" }, "2030-01-15T22:59:59.000Z"],
  [{ ScheduleExpression: "rate(12 hours)", Duration: "2h" }, "2030-01-15T23:59:59.000Z"],
  [{ ScheduleExpression: "cron(0 8 1 * ? *)", Duration: "2h" }, "2030-02-01T09:59:59.000Z"],
  [{ ScheduleExpression: "cron(0 8 ? * SUN#1 *)" }, "2030-02-03T23:59:59.000Z"],
  [{ ScheduleExpression: "cron(0 2/10 * * ? *)" }, "2030-01-15T12:59:59.000Z"],
])("RotationRules %j give the NextRotationDate %s, the end of the window", async (RotationRules, expected) => {
  const { rotate, request, service, describe } = rotatable();
  rotate({ ...request, RotationRules, RotateImmediately: false });
  await service.idle();
  const { NextRotationDate, RotationRules: stored } = describe({ SecretId: "db" });
  expect(NextRotationDate?.toISOString()).toBe(expected);
  expect(stored).toEqual(RotationRules);
});

test("a value written by hand counts as a rotation when the next date is computed", async () => {
  const { rotate, put, request, service, describe, clock } = rotatable();
  rotate({ ...request, RotateImmediately: false });
  await service.idle();
  clock.advance(5 * 24 * 60 * 60 * 1000);
  put({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "by hand" });
  expect(describe({ SecretId: "db" }).NextRotationDate).toEqual(new Date(Date.UTC(2030, 1, 19, 23, 59, 59)));
});
