import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionName } from "../../core/identity.ts";
import type { BusEvent } from "../../local/services/service.ts";
import { moment } from "../support/observations.ts";
import { type Situation, type SituationOptions, situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { HURRIED } from "./hurried.ts";
import { documentOf, rotor, start } from "./rotor.ts";

const MODES = ["driven", "native"] as const;

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const hurried = (...args: readonly string[]) => rotor({ ...world.account.environment, NODE_OPTIONS: HURRIED }, ...args);

async function rehearsing(mode: (typeof MODES)[number], options: SituationOptions = {}): Promise<Situation> {
  const secret = await situation(world, { mode, policy: { rehearses: true }, ...options });
  if (mode === "native") await world.rotate(secret);
  return secret;
}

/** The names of both parts of a rehearsal from what is AWSCURRENT now. */
async function partsOf(secret: Situation): Promise<readonly string[]> {
  const labels = await world.labels(secret);
  const base = Object.keys(labels).find((id) => labels[id]?.includes("AWSCURRENT")) ?? "";
  return (["rehearsal", "rehearsed"] as const).map((kind) =>
    executionName(secret.arn, deriveToken(secret.arn, base, 1, kind)),
  );
}

const isFailure = (event: BusEvent) => event.detail["eventName"] === "RotationFailed";

describe.each(MODES)("rehearse --wait of a %s secret", (mode) => {
  test("rotates, takes that back and rotates again: status 0 says that both parts are proved", async () => {
    const secret = await rehearsing(mode);
    const ended = await run("rehearse", secret.name, "--wait", "--reason", "ticket 1");
    expect(ended.stderr).toContain("It was taken back, as planned. Now the rotation that stays.");
    expect(ended.stdout).toMatch(/ ROLLED BACK .* SUCCEEDED /s);
    expect(ended.status).toBe(0);
  });

  test("as JSON is one document with both", async () => {
    const secret = await rehearsing(mode);
    const [first, second] = await partsOf(secret);
    const ended = await run("rehearse", secret.name, "--wait", "--output", "json", "--quiet");
    expect(ended.stderr).toBe("");
    expect(documentOf(ended)).toMatchObject({
      ...{ schema: "rotor.rehearsal/1", secret: { name: secret.name, arn: secret.arn }, proved: true },
      parts: [
        { name: first, outcome: "ROLLED_BACK", mode, told: { failure: { name: "RehearsalRollback" } } },
        { name: second, outcome: "SUCCEEDED", mode, told: { rehearsal: { rollbackExecution: first } } },
      ],
    });
    expect(ended.status).toBe(0);
  });

  test("ends with 4 where the first part is taken back for a fault: nothing is proved, and there is no second", async () => {
    const secret = await rehearsing(mode, { dependents: { api: "reload" } });
    const [first, second = ""] = await partsOf(secret);
    Object.assign(secret.dependents["api"]?.faults ?? {}, { refresh: 422 });
    const ended = await run("rehearse", secret.name, "--wait", "--output", "json");
    expect(ended.status).toBe(4);
    expect(ended.stderr).not.toContain("as planned");
    expect(documentOf(ended)).toMatchObject({ proved: false, parts: [{ name: first, outcome: "ROLLED_BACK" }] });
    await world.settled();
    expect(await world.executions()).not.toContain(second);
  });

  test("ends with 4 where the second part is taken back", async () => {
    const secret = await rehearsing(mode, { dependents: { api: "reload" } });
    using _ = atStep(world, secret, "Notify", "after", async () => {
      Object.assign(secret.dependents["api"]?.faults ?? {}, { refresh: 422 });
    });
    const ended = await run("rehearse", secret.name, "--wait", "--output", "json");
    expect(ended.status).toBe(4);
    const outcomes = [{ outcome: "ROLLED_BACK" }, { outcome: "ROLLED_BACK" }];
    expect(documentOf(ended)).toMatchObject({ proved: false, parts: outcomes });
  });
});

describe("the second part of a native rehearsal begins when the trail tells the end of the first", () => {
  test("minutes later, too: it is waited for", async () => {
    const secret = await rehearsing("native");
    const [first, second = ""] = await partsOf(secret);
    const looks = () => world.account.calls().filter(({ input }) => JSON.stringify(input).includes(second)).length;
    const told = moment();
    using _ = world.account.events.disturb({
      copies: () => 1,
      hold: (event) => (isFailure(event) ? told.reached : undefined),
    });
    const { environment } = world.account;
    const rehearsal = start(["rehearse", secret.name, "--wait"], { ...environment, NODE_OPTIONS: HURRIED });
    try {
      await expect.poll(rehearsal.stderr, { timeout: 20_000 }).toContain("Now the rotation that stays.");
      // It looks each second, which is a minute of its own time, and twice where its clock seems wrong.
      await expect.poll(looks, { timeout: 20_000 }).toBeGreaterThan(10);
    } finally {
      told.reach();
    }
    const ended = await rehearsal.ended;
    expect(ended.stdout).toContain(first);
    expect(ended.stdout).toContain("SUCCEEDED");
    expect(ended.status).toBe(0);
  });

  test("or not yet: it is said after a quarter of an hour, with status 124, and the old credential is live", async () => {
    const secret = await rehearsing("native");
    const [current = ""] =
      Object.entries(await world.labels(secret)).find(([, has]) => has.includes("AWSCURRENT")) ?? [];
    const [first, second] = await partsOf(secret);
    using _ = world.account.events.disturb({ copies: (event) => (isFailure(event) ? 0 : 1) });
    const ended = await hurried("rehearse", secret.name, "--wait", "--output", "json");
    expect(ended.stderr).toMatch(new RegExp(`Run ${second} was not seen within 9\\d\\d s\\. It may still begin\\.`));
    expect(ended.status).toBe(124);
    expect(documentOf(ended)).toMatchObject({ proved: false, parts: [{ name: first, outcome: "ROLLED_BACK" }] });
    await world.settled();
    expect((await world.labels(secret))[current]).toEqual(["AWSCURRENT"]);
    expect(await world.signsIn(secret, current)).toBe(true);
  });

  test("and --timeout is the time of both parts: status 124", async () => {
    const secret = await rehearsing("native");
    using _ = world.account.events.disturb({ copies: (event) => (isFailure(event) ? 0 : 1) });
    const ended = await hurried("rehearse", secret.name, "--wait", "--timeout", "600");
    expect(ended.stderr).toContain("Now the rotation that stays.");
    expect(ended.status).toBe(124);
    const [, seconds] = /was not seen within (\d+) s/.exec(ended.stderr) ?? [];
    expect(Number(seconds)).toBeLessThan(600);
  });
});

test("a rehearsal that is running is followed through both parts", async () => {
  const secret = await rehearsing("driven");
  const [first = ""] = await partsOf(secret);
  const released = moment();
  using _ = atStep(world, secret, "SetSecret", "before", () => released.reached);
  expect((await run("rehearse", secret.name)).stdout).toBe(`${first}\n`);
  await expect.poll(() => world.executions(), { timeout: 20_000 }).toContain(first);
  const following = start(["rehearse", secret.name, "--wait", "--output", "json"], world.account.environment);
  await expect.poll(following.stderr, { timeout: 20_000 }).toContain("is running already");
  released.reach();
  const ended = await following.ended;
  expect([ended.status, documentOf(ended).proved]).toEqual([0, true]);
});

test("a rehearsal is refused where the policy does not allow it: status 3, and nothing is asked for", async () => {
  const secret = await situation(world, { mode: "driven" });
  const before = (await world.executions()).length;
  const ended = await run("rehearse", secret.name);
  expect(ended.stderr).toMatch(
    /rehearses: true.* Nothing was asked for\.\n {2}runbook: docs\/runbooks\.md#configurationinvalid\n$/,
  );
  expect(ended.status).toBe(3);
  expect(await world.labels(secret)).toEqual(secret.before);
  expect(await world.executions()).toHaveLength(before);
});
