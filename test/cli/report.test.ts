import { randomUUID } from "node:crypto";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);

beforeAll(async () => {
  // What dispatch would repair by itself is left as it is.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

async function rowOf({ name }: Pick<Situation, "name">) {
  const { secrets } = documentOf(await run("report", "--output", "json"));
  return secrets.find((each: { name: string }) => each.name === name);
}

describe("who asked for a run", () => {
  test("is told of one that is running, and of one that was stopped, as of any other", async () => {
    const secret = await situation(world, { mode: "driven" });
    const name = executionName(secret.arn, deriveToken(secret.arn, secret.firstVersion, 1));
    let running: { askedBy?: string } = {};
    using _ = atStep(world, secret, "TestSecret", "before", async () => {
      running = await rowOf(secret);
      await world.sfn.send(
        new StopExecutionCommand({ executionArn: executionArn(world.deployment().stateMachineArn, name) }),
      );
    });
    await world.request(secret);
    expect(running).toMatchObject({ askedBy: "Rotor, ordinary attempt 1", lastRun: { outcome: "RUNNING" } });
    expect(await rowOf(secret)).toMatchObject({ askedBy: "Rotor, ordinary attempt 1", lastRun: { outcome: "DIED" } });
  });

  test("is Secrets Manager, where the run was stopped and its token was derived from nothing", async () => {
    const secret = await situation(world, { mode: "native" });
    const token = randomUUID();
    using _ = atStep(world, secret, "TestSecret", "before", async () => {
      const name = executionName(secret.arn, token);
      await world.sfn.send(
        new StopExecutionCommand({ executionArn: executionArn(world.deployment().stateMachineArn, name) }),
      );
    });
    await world.rotate(secret, token);
    expect(await rowOf(secret)).toMatchObject({ askedBy: "Secrets Manager", lastRun: { outcome: "DIED" } });
  });

  test("is left empty, where the run has ended before its base was known", async () => {
    const secret = await situation(world, { mode: "native" });
    using _ = breakStep(world, secret, "Plan", beforeEffect("AccessDenied"));
    await world.rotate(secret);
    expect(await rowOf(secret)).toMatchObject({ askedBy: null, lastRun: { outcome: "REJECTED" } });
  });
});

describe("which secrets it lists", () => {
  const NAMED = "test/named-and-not-there";
  beforeAll(() =>
    world.addPolicy({ secretId: NAMED, strategy: "postgres-single-user", mode: "driven", owner: "orders" }),
  );

  test("are those of policies, one that is not there among them, and it says how many there are besides", async () => {
    const { name } = await situation(world, { mode: "driven" });
    const report = documentOf(await run("report", "--output", "json"));
    const rows = report.secrets.map((each: { name: string }) => each.name);
    expect(rows).toEqual(expect.arrayContaining([name, NAMED]));
    expect(rows).not.toContain("rotor/heartbeat");
    expect(report).toMatchObject({
      withoutPolicy: 1,
      reach: expect.stringContaining("1 have no policy of this stage and are not listed"),
      secrets: expect.arrayContaining([
        expect.objectContaining({ name: NAMED, arn: null, owner: "orders", states: ["no such secret"] }),
      ]),
    });
    const csv = await run("report", "--format", "csv");
    expect(csv.stdout).toMatch(new RegExp(`^${NAMED},orders,driven,postgres-single-user,,.*,no such secret$`, "m"));
    expect(csv.stderr).toContain("--all lists them");
    expect((await run("report", "--format", "html")).stdout).toContain(`<td>${NAMED}</td>`);
    expect((await run("report")).stdout).toMatch(new RegExp(`^${NAMED} +orders +no such secret`, "m"));
  });

  test("with --all are those that no policy names, too, and nothing is left out", async () => {
    const ended = await run("report", "--all", "--format", "csv");
    expect(ended.stdout).toMatch(/^rotor\/heartbeat,,,,/m);
    expect(ended.stderr).not.toContain("not listed");
  });

  test("as ndjson are a document each", async () => {
    const { secrets } = documentOf(await run("report", "--output", "json"));
    const ended = await run("report", "--output", "ndjson");
    const items = ended.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(items).toEqual(secrets.map((each: object) => ({ schema: "rotor.report/1", ...each })));
    expect(ended.stderr).toContain("90 days");
  });
});
