import { randomUUID } from "node:crypto";
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { UpdateSecretVersionStageCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { executionName } from "../../core/identity.ts";
import { startAccount } from "../../local/account.ts";
import { deploy } from "../../local/deploy.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

let world: World;
let good: Situation;
let bad: Situation;
let token: string;
let rolledBack: string;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);

beforeAll(async () => {
  world = await startWorld();
  good = await situation(world, { mode: "driven", dependents: { api: "reload" }, policy: { owner: "orders" } });
  bad = await situation(world, { mode: "driven", dependents: { worker: "reload" }, policy: { owner: "billing" } });
  token = await rotateOnce(world, good);
  (bad.dependents["worker"] ?? { faults: { refresh: 0 } }).faults.refresh = 422;
  rolledBack = await rotateOnce(world, bad);
});
afterAll(() => world[Symbol.asyncDispose]());

describe("secrets", () => {
  test("lists each with its policy, class, last outcome and what is wrong with it", async () => {
    const { stdout, status } = await run("secrets");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^SECRET +POLICY +CLASS +LAST OUTCOME +ROTATED +NEXT +STATE +OWNER\n/);
    expect(stdout).toMatch(new RegExp(`^${good.name} +driven +never configured +SUCCEEDED .* ok +orders$`, "m"));
    expect(stdout).toMatch(
      new RegExp(`^${bad.name} +driven +never configured +ROLLED BACK .* last failed +billing$`, "m"),
    );
  });

  test("as ndjson it is a document for each, and may be of one owner only", async () => {
    const ended = await run("secrets", "--owner", "orders", "--output", "ndjson");
    expect(ended.stdout.trim().split("\n")).toHaveLength(1);
    expect(documentOf(ended, true)).toMatchObject({
      ...{ schema: "rotor.secrets/1", name: good.name, class: "never configured", owner: "orders", states: [] },
      policy: { mode: "driven", strategy: "postgres-single-user" },
      lastRun: { name: executionName(good.arn, token), outcome: "SUCCEEDED" },
      overdueSeconds: 0,
    });
  });

  test("with --all it lists those without a policy, and with --overdue none that is not", async () => {
    expect((await run("secrets", "--all")).stdout).toContain("rotor/heartbeat");
    expect(documentOf(await run("secrets", "--overdue", "--output", "json"))).toMatchObject({ secrets: [] });
  });
});

describe("runs and show", () => {
  test("list the newest first, of one secret, with one status", async () => {
    const all = documentOf(await run("runs", "--output", "json"));
    expect(all).toMatchObject({ schema: "rotor.runs/1", runs: [{ outcome: "ROLLED_BACK" }, { outcome: "SUCCEEDED" }] });
    const failed = documentOf(await run("runs", "--status", "FAILED", "--secret", good.name, "--output", "json"));
    expect(failed.runs).toEqual([]);
    expect((await run("runs", "--limit", "1")).stdout.trim().split("\n")).toHaveLength(4);
  });

  test("show ends with the status of the outcome, found by the secret, the run's name or its ARN", async () => {
    const byName = await run("show", executionName(good.arn, token), "--output", "json");
    expect([byName.status, documentOf(byName).outcome]).toEqual([0, "SUCCEEDED"]);
    const byArn = await run("show", documentOf(byName).arn);
    expect(byArn.stdout).toContain("SUCCEEDED");
    const bySecret = await run("show", bad.name);
    expect(bySecret.status).toBe(4);
    expect(bySecret.stdout).toMatch(/version +before +during +now/);
    expect(bySecret.stdout).toContain("worker");
  });

  test("as ndjson runs is a document for each, and its table has the newest first", async () => {
    const listed = await run("runs", "--output", "ndjson");
    const documents = listed.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(documents).toMatchObject([{ schema: "rotor.runs/1", outcome: "ROLLED_BACK" }, { outcome: "SUCCEEDED" }]);
    const table = await run("runs");
    expect(table.stdout).toMatch(
      /^STARTED +SECRET +OUTCOME +MODE +TOOK +RUN\n.* ROLLED BACK .*\n.* SUCCEEDED .*\n\n2 runs: /,
    );
    expect([listed.status, table.status]).toEqual([0, 0]);
  });

  test("watch shows one that has ended as show does, with its status", async () => {
    for (const format of ["table", "json"]) {
      const watched = await run("watch", bad.name, "--output", format);
      const shown = await run("show", bad.name, "--output", format);
      expect([watched.status, watched.stdout]).toEqual([4, shown.stdout]);
    }
  });

  test("say of what is not there that it is not, with status 253", async () => {
    const ended = await run("show", "nothing");
    expect(ended.status).toBe(253);
    expect(ended.stderr).toMatch(/^rotor: There is no run nothing in stage local.*\n {2}to do: .*rotor runs\n$/);
  });
});

describe("doctor", () => {
  test("finds nothing that is in the way of a deployment that works, and says what nobody hears", async () => {
    const ended = await run("doctor", good.name);
    expect(ended.status).toBe(0);
    expect(ended.stdout).toMatch(/✓ functions +All 8 functions are there/);
    expect(ended.stdout).toMatch(/✓ rules +All 9 rules are enabled/);
    expect(ended.stdout).toMatch(/! subscriptions +Nobody hears what topic events tells/);
    expect(ended.stdout).toMatch(new RegExp(`✓ sign-in +AWSCURRENT of ${good.name}: accepted`));
  });

  test("finds a rule that is disabled and AWSPENDING that was left, with status 7", async () => {
    const { endpoint, region } = world.account;
    const events = new EventBridgeClient({ endpoint, region, credentials: { accessKeyId: "a", secretAccessKey: "b" } });
    await events.send(new DisableRuleCommand({ Name: "rotation" }));
    await world.client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: bad.arn,
        VersionStage: "AWSPENDING",
        MoveToVersionId: rolledBack,
      }),
    );
    const ended = await run("doctor", "--output", "json");
    await events.send(new EnableRuleCommand({ Name: "rotation" }));
    expect(ended.status).toBe(7);
    const blocking = documentOf(ended).findings.filter(({ state }: { state: string }) => state === "blocking");
    expect(blocking).toEqual([
      {
        check: "rules",
        state: "blocking",
        says: "Rule rotation is disabled.",
        todo: expect.stringContaining("enable-rule"),
      },
      expect.objectContaining({ check: "secrets", todo: `rotor repair ${bad.name}` }),
    ]);
  });
});

describe("report", () => {
  test("says who, when, outcome and what is overdue, and how far back it reaches", async () => {
    const ended = await run("report", "--output", "json");
    const report = documentOf(ended);
    expect(ended.status).toBe(0);
    expect(report.reach).toContain("90 days");
    expect(report.secrets.find(({ name }: { name: string }) => name === good.name)).toMatchObject({
      ...{ owner: "orders", askedBy: "Rotor, ordinary attempt 1", outcomes: { SUCCEEDED: 1 }, overdueSeconds: 0 },
      lastRun: { outcome: "SUCCEEDED" },
      rehearsedAt: null,
    });
    const table = await run("report", "--days", "1");
    expect(table.stdout).toMatch(new RegExp(`^${bad.name} +billing +ROLLED BACK`, "m"));
  });

  test("is a CSV file, or a page that needs nothing else", async () => {
    const csv = await run("report", "--format", "csv");
    const [head = "", ...rows] = csv.stdout.trim().split("\n");
    expect(head).toMatch(/^secret,owner,policy,/);
    expect(rows).toHaveLength(2);
    const html = await run("report", "--format", "html");
    expect(html.stdout).toMatch(/^<!doctype html>/);
    expect(html.stdout).toContain(`<td>${good.name}</td>`);
    expect(html.stdout).not.toMatch(/<script|src=|href=/);
  });
});

describe("trigger and notify test", () => {
  test("an event of AWS's is shown to dispatch, which says what it makes of it", async () => {
    const ended = await run(
      "trigger",
      "rotation-abandoned",
      "--secret",
      good.name,
      "--override",
      `detail.requestID=Rotation-${good.arn}-${randomUUID()}`,
      "--output",
      "json",
    );
    expect(ended.status).toBe(0);
    expect(documentOf(ended)).toMatchObject({ sent: "dispatch", answer: { decision: "reported" } });
    await world.settled();
    expect(world.incidents().at(-1)).toMatchObject({ kind: "rotation-abandoned" });
  });

  test("for people it is one line: what dispatch decided, or that the request is on the bus", async () => {
    const shown = await run("trigger", "rotation-succeeded", "--secret", good.name);
    expect([shown.status, shown.stdout]).toEqual([0, expect.stringMatching(/^(ignored|noted): .+\n$/)]);
    // AWSCURRENT is another version than that.
    const stale = ["--override", `detail.expectedVersionId=${good.older}`];
    const sent = await run("trigger", "rotation-requested", "--secret", good.name, ...stale);
    expect([sent.status, sent.stdout]).toEqual([0, expect.stringMatching(/^event [\w-]+ is on the bus rotation\n$/)]);
    const document = documentOf(
      await run("trigger", "rotation-requested", "--secret", good.name, ...stale, "--output", "json"),
    );
    expect(document).toEqual({ schema: "rotor.trigger/1", sent: "bus", eventId: expect.any(String) });
    await world.settled();
    expect(await world.executions()).toHaveLength(2);
  });

  test("a dry run prints the event and sends nothing", async () => {
    const before = world.account
      .calls()
      .filter(({ operation }) => operation === "PutEvents" || operation === "Invoke").length;
    const ended = await run("trigger", "rotation-requested", "--secret", good.name, "--dry-run");
    expect(JSON.parse(ended.stdout)).toMatchObject({
      "detail-type": "Rotation Requested",
      detail: { secretId: good.arn, expectedVersionId: token },
    });
    expect(
      world.account.calls().filter(({ operation }) => operation === "PutEvents" || operation === "Invoke"),
    ).toHaveLength(before);
  });

  test("a sample goes to each topic, marked as one", async () => {
    const ended = await run("notify", "test", "--event", "rollback_failed", "--output", "json");
    expect(ended.status).toBe(0);
    expect(documentOf(ended).topics.map(({ topic }: { topic: string }) => topic)).toEqual(["events", "email"]);
    const [events, email] = world.account.sns.inbox().slice(-2);
    expect(JSON.parse(events?.Message ?? "")).toMatchObject({
      outcome: "ROLLBACK_FAILED",
      summary: expect.stringMatching(/^\[TEST\] /),
    });
    expect(email?.Subject).toMatch(/^\[TEST\] \[CRITICAL\]/);
    expect(email?.Message).toMatch(/^\[TEST\] Nothing has happened/);
    const table = await run("notify", "test");
    expect(table.stdout).toBe("events: sent to 0 confirmed subscriptions\nemail: sent to 0 confirmed subscriptions\n");
    expect(table.status).toBe(0);
  });
});

test("a sample goes to a channel, too, where the deployment has a topic for it", async () => {
  const bundles = inject("bundles");
  await using account = await startAccount();
  await deploy(account, { config: [], bundles, chat: true });
  const ended = await rotor(account.environment, "notify", "test", "--event", "rollback_failed", "--output", "ndjson");
  expect(documentOf(ended, true)).toMatchObject({ topic: "chat" });
  const { content } = JSON.parse(account.sns.inbox().at(-1)?.Message ?? "");
  expect(content.title).toMatch(/^\[TEST\] :rotating_light:/);
  expect((await rotor(account.environment, "doctor")).stdout).toContain("topic chat");
});
