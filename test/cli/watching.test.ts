import { afterAll, beforeAll, expect, test } from "vitest";
import { AwsError } from "../../local/services/service.ts";
import { situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { rotor, start } from "./rotor.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** The SDK's own attempts for one call. */
const ATTEMPTS = 3;

/** Fails the CLI's first looks at an execution, counted as attempts of the SDK, once it has begun. */
function failLooks(attempts: number, error: AwsError): Disposable & { readonly left: () => number } {
  let left = attempts;
  const hook = world.account.intercept(({ operation, caller, phase }) => {
    if (operation !== "GetExecutionHistory" || caller !== undefined || phase !== "before" || left === 0) return;
    left -= 1;
    throw error;
  });
  return { left: () => left, [Symbol.dispose]: () => hook[Symbol.dispose]() };
}

test("a look that is throttled is told once and made again, and the watch ends as the rotation does", async () => {
  const secret = await situation(world);
  using looks = failLooks(2 * ATTEMPTS, new AwsError("ThrottlingException", "Rate exceeded"));
  const ended = await run("rotate", secret.name, "--wait");
  expect(looks.left()).toBe(0);
  expect(ended.stderr.match(/was throttled .* It is looked at again, and goes on meanwhile\.\n/g)).toHaveLength(1);
  expect(ended.stdout).toContain("SUCCEEDED");
  expect(ended.status).toBe(0);
});

test("credentials that expire while it watches are 253: sign in again, and how to come back", async () => {
  const secret = await situation(world);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  using _ = atStep(world, secret, "TestSecret", "before", () => released);
  const watching = start(["rotate", secret.name, "--wait"], world.account.environment);
  await expect.poll(watching.stderr, { timeout: 20_000 }).toContain("SetSecret");
  using __ = failLooks(Number.POSITIVE_INFINITY, new AwsError("ExpiredTokenException", "It has expired."));
  const ended = await watching.ended;
  release();
  expect(ended.stderr).toMatch(/goes on unwatched\. To come back: rotor watch rot-\S+\nrotor: AWS does not take these/);
  expect(ended.stderr).toContain("to do: sign in with the AWS CLI");
  expect([ended.status, ended.stdout]).toEqual([253, ""]);
});

test("what one may not look at ends the watch with what to do about the look, not about a rotation", async () => {
  const secret = await situation(world);
  using _ = failLooks(Number.POSITIVE_INFINITY, new AwsError("AccessDeniedException", "Not you."));
  const ended = await run("rotate", secret.name, "--wait");
  expect(ended.stderr).toMatch(/To come back: rotor watch rot-\S+\nrotor: AccessDenied: states:GetExecutionHistory/);
  expect(ended.stderr).toMatch(/ {2}to do: .*docs\/cli\.md#rights\)\n {2}runbook: /);
  expect(ended.status).toBe(254);
});
