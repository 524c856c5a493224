import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { deriveToken, executionName } from "../../core/identity.ts";
import { type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

function start(args: readonly string[], stdout: "pipe" | number = "pipe"): ChildProcess {
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME: `${HOME}/none`, TZ: "UTC", ...world.account.environment };
  return spawn(process.execPath, [inject("program"), ...args], { env, stdio: ["ignore", stdout, "pipe"] });
}

async function endOf(child: ChildProcess): Promise<{ status: number | null; stderr: string }> {
  let stderr = "";
  child.stderr?.on("data", (data) => {
    stderr += data;
  });
  const [status] = await once(child, "close");
  return { status, stderr };
}

/** Something that a step waits for. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let release = () => {};
  const passed = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { passed, open: () => release() };
}

const nameOf = ({ arn, firstVersion }: Situation) => executionName(arn, deriveToken(arn, firstVersion, 1));

describe("a reader that has closed standard output", () => {
  test("ends a watch with 141, quietly, and not as if the run had succeeded", async () => {
    const secret = await situation(world);
    const [first, second] = [gate(), gate()];
    using _ = atStep(world, secret, "TestSecret", "before", () => first.passed);
    using __ = atStep(world, secret, "FinishSecret", "before", () => second.passed);
    const asked = world.request(secret);
    try {
      await expect.poll(() => world.executions(), { timeout: 20_000 }).toContain(nameOf(secret));
      const child = start(["watch", nameOf(secret), "--output", "ndjson"]);
      const ended = endOf(child);
      await once(child.stdout ?? child, "data");
      child.stdout?.destroy();
      first.open();
      expect(await ended).toEqual({ status: 141, stderr: "" });
    } finally {
      first.open();
      second.open();
      await asked;
    }
  });

  test("is no fault of what has ended: it has its own status", async () => {
    const secret = await situation(world);
    using _ = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
    await world.request(secret);
    const child = start(["show", nameOf(secret)]);
    child.stdout?.destroy();
    expect(await endOf(child)).toEqual({ status: 4, stderr: "" });
  });
});

test("a reader that has closed standard error misses what is said besides, and the work goes on to its status", async () => {
  const secret = await situation(world);
  const child = start(["rotate", secret.name, "--wait"]);
  child.stderr?.destroy();
  child.stdout?.resume();
  const [status] = await once(child, "close");
  expect(status).toBe(0);
});

test.runIf(process.platform === "linux").each([[["report", "--format", "csv"]], [["secrets", "--output", "json"]]])(
  "a result that could not be written is told with 255: %j",
  async (args) => {
    const full = await open("/dev/full", "w");
    const ended = await endOf(start(args, full.fd));
    await full.close();
    expect(ended.stderr).toContain(
      "rotor: The result could not be written (ENOSPC): what there is of it is not the whole.",
    );
    expect(ended.status).toBe(255);
  },
);
