import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import {
  FUNCTION,
  type Invocation,
  manualClock,
  settle,
  templateHandler,
  withSecret,
} from "./secretsmanager-harness.ts";

/** A rotation function like AWS's templates, the first of whose setSecret calls ends as `first` says. */
function rotatable(options: Parameters<typeof withSecret>[0], first: () => unknown) {
  const secret = withSecret({ clock: manualClock({ immediate: false }), ...options });
  const succeeds = templateHandler(() => secret);
  let calls = 0;
  secret.onInvoke((invocation: Invocation) => {
    if (invocation.Step === "setSecret" && calls++ === 0) return first();
    return succeeds(invocation);
  });
  const token = randomUUID();
  const rotate = () => secret.rotate({ SecretId: "db", ClientRequestToken: token, RotationLambdaARN: FUNCTION });
  return { ...secret, token, rotate };
}

const fails = () => {
  throw new Error("no");
};

test("where CancelRotateSecret does not end the retries, it turns rotation off and the next attempt comes all the same", async () => {
  const secret = rotatable({ rotation: { afterCancel: "go-on" } }, fails);
  secret.rotate();
  await vi.waitFor(() => expect(secret.clock.sleeps).toHaveLength(1));
  expect(secret.cancel({ SecretId: "db" }).VersionId).toBe(secret.token);
  secret.clock.advance(60_000);
  await secret.service.idle();
  expect(secret.describe({ SecretId: "db" }).RotationEnabled).toBe(false);
  expect(secret.rotationEvents()).toEqual([
    "RotationStarted",
    "RotationFailed",
    "RotationStarted",
    "RotationSucceeded",
  ]);
});

test("where CancelRotateSecret does not end the retries, an attempt that runs goes on, and deleting the secret ends it", async () => {
  const secret = rotatable({ rotation: { afterCancel: "go-on" } }, () => void secret.cancel({ SecretId: "db" }));
  secret.rotate();
  await secret.service.idle();
  expect(secret.rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);

  const deleted = rotatable({ rotation: { afterCancel: "go-on" } }, () => void deleted.remove({ SecretId: "db" }));
  deleted.rotate();
  await deleted.service.idle();
  expect(deleted.rotationEvents()).toEqual(["RotationStarted"]);
});

test("a step that has not ended in time has failed, and its function goes on alongside the retry", async () => {
  let answer = () => {};
  const late = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const secret = rotatable({ rotation: { stepTimeoutSeconds: 30 } }, () => late);
  let isIdle = false;
  secret.rotate();
  await vi.waitFor(() => expect(secret.invocations).toHaveLength(2));
  secret.clock.advance(30_000);
  await vi.waitFor(() => expect(secret.clock.sleeps.at(-1)).toEqual({ milliseconds: 60_000, kind: "retry" }));
  secret.clock.advance(60_000);
  await vi.waitFor(() => expect(secret.rotationEvents().at(-1)).toBe("RotationSucceeded"));
  void secret.service.idle().then(() => {
    isIdle = true;
  });
  await settle();

  expect(isIdle).toBe(false);
  expect(secret.named(["RotationFailed"])[0]?.detail.errorMessage).toContain("during setSecret step");
  expect(secret.invocations.map(({ Step }) => Step)).toEqual([
    ...["createSecret", "setSecret"],
    ...["createSecret", "setSecret", "testSecret", "finishSecret"],
  ]);
  answer();
  await vi.waitFor(() => expect(isIdle).toBe(true));
  expect(secret.rotationEvents()).toEqual([
    "RotationStarted",
    "RotationFailed",
    "RotationStarted",
    "RotationSucceeded",
  ]);
});
