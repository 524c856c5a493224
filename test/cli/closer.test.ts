import { readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionName } from "../../core/identity.ts";
import { leakScanner } from "../support/leak-scanner.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, failStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, type Ended, rotor } from "./rotor.ts";

let world: World;
let secret: Situation;
let bad: Situation;
let token: string;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const nameOf = ({ arn, firstVersion }: Situation) => executionName(arn, deriveToken(arn, firstVersion, 1));
const driven = (options = {}) => situation(world, { mode: "driven", ...options });

beforeAll(async () => {
  world = await startWorld();
  secret = await driven({ dependents: { api: "reload", worker: "reload" }, policy: { owner: "orders" } });
  using _ = failStep(world, secret, "SetSecret", [beforeEffect("Throttled"), beforeEffect("Throttled")]);
  token = await rotateOnce(world, secret);
  bad = await driven({ dependents: { api: "reload" } });
  if (bad.dependents["api"] !== undefined) bad.dependents["api"].faults.refresh = 422;
  await rotateOnce(world, bad);
});
afterAll(() => world[Symbol.asyncDispose]());

describe("show --step", () => {
  test("has each try with its pause and error, the retry policy in words, what it was given and gave, and its log", async () => {
    const { stdout, status } = await run("show", secret.name, "--step", "SetSecret");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^SetSecret {2}Task {2}succeeded {2}begun \d{4}-/);
    expect(stdout).toMatch(
      /\n1 {4}.* - {2,}\d+.* Throttled: Throttled, as the test wants it\.\n2 .*\n3 .* (\d+ ms|\d+\.\d s) .* ok\n/,
    );
    expect(stdout).toContain(
      "Tried again:\n  Throttled, ServiceUnavailable and 12 others: up to 4 more tries, after 2 s",
    );
    expect(stdout).toMatch(
      new RegExp(`Input:\\n {2}\\{\\n[^]*"ClientRequestToken": "${token}"[^]*Output:[^]*changedAt`),
    );
    expect(stdout).toContain(`--filter-pattern '"${token}"' --region ${world.account.region}\n`);
    expect(stdout).toMatch(/Log of the last try:\n {2}aws logs tail \/aws\/lambda\/rotate --since \d{4}-/);
  });

  test("inside a Map it has the step of each dependent, as a document or as one for each", async () => {
    const args = ["show", secret.name, "--step", "Verify", "--output"];
    const document = documentOf(await run(...args, "json"));
    expect(document).toMatchObject({ schema: "rotor.step/1", steps: [{ name: "Verify" }, { name: "Verify" }] });
    const items = document.steps.map(({ iteration }: { iteration: { item: string } }) => iteration.item);
    expect(items.sort()).toEqual(["api", "worker"]);
    expect(document.steps[0].input.Payload).toMatchObject({ action: "verify", versionId: token });
    const lines = (await run(...args, "ndjson")).stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).schema)).toEqual(["rotor.step/1", "rotor.step/1"]);
  });

  test("of a failed one it has what it said, and ends with the status of the run", async () => {
    const ended = await run("show", bad.name, "--step", "Refresh", "--output", "json");
    expect(ended.status).toBe(4);
    expect(documentOf(ended).steps[0]).toMatchObject({
      status: "failed",
      attempts: [
        { error: "DependentUnhealthy", message: expect.stringContaining("refused the refresh"), pauseMs: null },
      ],
      output: null,
    });
  });

  test("says when a step that has failed is tried again", async () => {
    const [waits, other] = [await driven(), await driven()];
    using _fails = failStep(world, waits, "SetSecret", [beforeEffect("Throttled")]);
    let seen: Ended | undefined;
    // While this step goes on, the account's clock stands still.
    using _looks = atStep(world, other, "TestSecret", "before", async () => {
      const until = Date.now() + 30_000;
      do seen = await run("show", nameOf(waits), "--step", "SetSecret");
      while (!seen.stdout.includes("Next try:") && Date.now() < until);
    });
    await Promise.all([rotateOnce(world, waits), rotateOnce(world, other)]);
    expect(seen?.stdout).toContain("waiting-to-retry");
    expect(seen?.stdout).toContain("Next try:\n  at most 2.0 s after the last one ended\n");
  });

  test("names the steps that there are, where there is none of that name", async () => {
    const ended = await run("show", secret.name, "--step", "RollBack");
    expect(ended.status).toBe(253);
    expect(ended.stderr).toMatch(
      /^rotor: The run has no step RollBack \(yet\)\. There are: Plan, Mode, CreateSecret, /,
    );
  });
});

describe("show --events", () => {
  test("lists them with their step, by type if that is asked for", async () => {
    const all = await run("show", nameOf(bad), "--events");
    expect(all.status).toBe(4);
    expect(all.stdout).toMatch(/^ID +TIME +TYPE +STEP\n1 .* ExecutionStarted\n2 .* TaskStateEntered +Plan\n/);
    expect(all.stdout).toMatch(/ TaskScheduled +Plan +plan\n/);
    const failed = await run("show", nameOf(bad), "--events", "--type", "failed");
    expect(failed.stdout).toMatch(/ TaskFailed +Refresh +DependentUnhealthy: api: .* refused the refresh/);
    expect(failed.stdout).not.toContain("Succeeded");
    expect((await run("show", bad.name, "--events", "--type", "nothing")).stdout).toBe("There is no such event.\n");
  });

  test("as documents they are AWS's own members", async () => {
    const document = documentOf(await run("show", secret.name, "--events", "--output", "json"));
    expect(document).toMatchObject({ schema: "rotor.events/1" });
    expect(document.events[0]).toMatchObject({ id: 1, type: "ExecutionStarted", executionStartedEventDetails: {} });
    const lines = (await run("show", secret.name, "--events", "--output", "ndjson")).stdout.trim().split("\n");
    expect(lines).toHaveLength(document.events.length);
    expect(JSON.parse(lines[0] ?? "")).toEqual({ schema: "rotor.events/1", ...document.events[0] });
  });

  test("what cannot be asked for together is refused", async () => {
    const both = await run("show", secret.name, "--events", "--step", "Plan");
    expect([both.status, both.stderr]).toEqual([252, "rotor: Either --step or --events can be shown, not both.\n"]);
    const alone = await run("show", secret.name, "--type", "Failed");
    expect([alone.status, alone.stderr]).toEqual([252, "rotor: --type is of events: give --events with it.\n"]);
  });
});

describe("export", () => {
  test("prints what is shown of a run, with the run's own definition, and ends with 0 however the run has ended", async () => {
    const ended = await run("export", bad.name);
    expect([ended.status, ended.stderr]).toEqual([0, ""]);
    const file = documentOf(ended);
    expect(file).toMatchObject({
      schema: "rotor.execution/1",
      place: { account: "123456789012", region: world.account.region, stage: "local" },
      run: { name: nameOf(bad), status: "FAILED", outcome: "ROLLED_BACK", secret: { name: bad.name }, mode: "driven" },
      told: {
        outcome: "ROLLED_BACK",
        dependents: { items: [{ name: "api" }] },
        failure: { name: "DependentUnhealthy" },
      },
      actions: [],
      definition: { StartAt: "Plan", States: { Plan: { Type: "Task", Next: "Mode" } } },
    });
    expect(file.verdict).toBe(file.told.summary);
    expect(file.events.at(-1)).toMatchObject({ type: "ExecutionFailed" });
    const own = await run("export", nameOf(bad), "--output", "json");
    expect({ ...documentOf(own), readAt: "" }).toEqual({ ...file, readAt: "" });
  });

  test("writes it to a new file that only its owner may read, and changes none that is there", async () => {
    const path = join(await mkdtemp(join(tmpdir(), "rotor-export-")), "run.json");
    const written = await run("export", nameOf(secret), "--file", path);
    expect([written.status, written.stdout]).toEqual([0, ""]);
    expect(written.stderr).toContain(`Run ${nameOf(secret)} is in ${path}.`);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ run: { outcome: "SUCCEEDED" } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(path, "mine");
    const again = await run("export", secret.name, "--file", path);
    expect([again.status, again.stderr]).toEqual([
      252,
      expect.stringContaining("is there already. It was not changed."),
    ]);
    expect(readFileSync(path, "utf8")).toBe("mine");
    const nowhere = await run("export", secret.name, "--file", join(path, "below"));
    expect([nowhere.status, nowhere.stderr]).toEqual([252, expect.stringContaining("could not be made (ENOTDIR)")]);
  });

  test("has no value, also where somebody has handed one to the workflow or written one into a message", async () => {
    const canary = "aR4xQ9mT2vLk8ZpW3cYh6NsB1dJf5GuE";
    const input = { secretArn: secret.arn, token: canary, mode: `password=${canary}`, password: canary, [canary]: 1 };
    const name = `${nameOf(secret)}-planted`.slice(-80);
    const { stateMachineArn } = world.deployment();
    await world.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
    await world.settled();
    const passwords = [await world.password(secret, token), await world.password(secret, secret.firstVersion)];
    const scan = leakScanner([canary, ...passwords]);
    for (const args of [["export"], ["show", "--events", "--output", "json"], ["show", "--step", "Plan"]]) {
      const [command = "", ...rest] = args;
      for (const which of [name, nameOf(secret)]) {
        const { stdout } = await run(command, which, ...rest);
        expect(stdout.length).toBeGreaterThan(300);
        expect(scan(stdout), args.join(" ")).toEqual([]);
      }
    }
  });
});

describe("filters of the lists", () => {
  test("runs of one outcome, and how many there are of each", async () => {
    const all = await run("runs");
    expect(all.stdout).toMatch(/\n\n\d+ runs: \d SUCCEEDED, .*1 ROLLED BACK.*\n$/);
    const back = await run("runs", "--outcome", "ROLLED_BACK");
    expect(back.stdout).toMatch(new RegExp(`^STARTED.*\n.*${bad.name} .*\n\n1 run: 1 ROLLED BACK\n$`));
    const own = await run("runs", "--secret", bad.name, "--outcome", "ROLLED_BACK", "--limit", "1000");
    expect(own.stdout).toBe(back.stdout);
    const one = documentOf(await run("runs", "--outcome", "SUCCEEDED", "--limit", "1", "--output", "json"));
    expect(one.runs).toMatchObject([{ outcome: "SUCCEEDED" }]);
    expect((await run("runs", "--outcome", "DIED")).stdout).toBe("There is no such run.\n");
  });

  test("secrets with one thing to look at", async () => {
    const failed = documentOf(await run("secrets", "--state", "last failed", "--output", "json"));
    expect(failed.secrets.map(({ name }: { name: string }) => name)).toContain(bad.name);
    expect(failed.secrets.every(({ states }: { states: string[] }) => states.includes("last failed"))).toBe(true);
    expect((await run("secrets", "--state", "frozen")).stdout).toBe("There is no such secret.\n");
    const both = await run("secrets", "--state", "overdue", "--owner", "nobody");
    expect(both.stdout).toBe("There is no such secret.\n");
  });
});
