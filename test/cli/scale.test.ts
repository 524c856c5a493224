import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { AwsError } from "../../local/services/service.ts";
import type { Replacement } from "../../local/wire-calls.ts";
import { situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { rotor } from "./rotor.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await situation(world, { mode: "driven" });
});
afterAll(() => world[Symbol.asyncDispose]());

/** Stands for an account with so many executions, which are gone when they are looked at. */
function manyExecutions(count: number): Disposable {
  return world.account.intercept(({ operation, phase }): Replacement | undefined => {
    if (operation !== "ListExecutions" || phase !== "before") return undefined;
    const executions = Array.from({ length: count }, (_, index) => ({
      name: `rot-0000000000000000-${index}`,
      executionArn: `arn:aws:states:us-east-1:123456789012:execution:rotation:rot-0000000000000000-${index}`,
      stateMachineArn: world.deployment().stateMachineArn,
      status: "SUCCEEDED",
      startDate: new Date(),
    }));
    return { reply: { executions } };
  });
}

/** What a terminal of its own shows. */
function onTerminal(...args: readonly string[]): Promise<string> {
  const command = [process.execPath, inject("program"), ...args].map((each) => `'${each}'`).join(" ");
  const env = { ...process.env, ...world.account.environment, TERM: "xterm" };
  const child = spawn("script", ["-qec", `stty cols 100; ${command}`, "/dev/null"], { env });
  let screen = "";
  child.stdout.on("data", (data) => {
    screen += data;
  });
  return new Promise((resolve) => child.on("close", () => resolve(screen)));
}

test("looks at executions are held to the pace at which reconcile asks: the gates wait by the same quota", async () => {
  const times: number[] = [];
  using _many = manyExecutions(120);
  using _seen = world.account.intercept(({ operation, phase, caller }) => {
    if (operation === "DescribeExecution" && phase === "before" && caller === undefined) times.push(performance.now());
  });
  const ended = await rotor(world.account.environment, "runs", "--limit", "200");
  expect([ended.status, times.length]).toEqual([0, 120]);
  // 50 at once, and 70 more at 5 a second: 14 s.
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(13_000);
});

describe.runIf(process.platform === "linux")("on a terminal", () => {
  test.each([
    ["secrets", /reading secrets: 1 \.\.\./],
    ["report", /reading secrets: 1 \.\.\./],
    ["runs", /reading runs: 1 of 20 \.\.\./],
  ])("%s says how far it has come, unless it is to be quiet", async (command, says) => {
    using _ = manyExecutions(60);
    expect(await onTerminal(command)).toMatch(says);
    expect(await onTerminal(command, "--quiet")).not.toMatch(says);
  });
});

test("nothing of that is said where there is no terminal", async () => {
  const ended = await rotor(world.account.environment, "secrets");
  expect([ended.status, ended.stderr]).toEqual([0, ""]);
});

test("as ndjson each secret is printed once it was read: what fails later loses nothing of what was", async () => {
  const read: string[] = [];
  await situation(world, { mode: "driven" });
  using _ = world.account.intercept(({ operation, phase, caller, input }) => {
    if (operation !== "ListSecretVersionIds" || phase !== "before" || caller !== undefined) return;
    const { SecretId = "" } = input as { readonly SecretId?: string };
    if (read.length > 0 && !read.includes(SecretId)) throw new AwsError("InternalServiceError", "", 500);
    read.push(SecretId);
  });
  const ended = await rotor({ ...world.account.environment, AWS_MAX_ATTEMPTS: "1" }, "secrets", "--output", "ndjson");
  expect(ended.status).toBe(254);
  expect(
    ended.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).arn),
  ).toEqual([read[0]]);
});
