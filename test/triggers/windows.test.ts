import { randomUUID } from "node:crypto";
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROTATION_BUS } from "../../core/blueprint.ts";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import type { PolicyInput } from "../../core/policies.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { expectEnd } from "../support/invariants.ts";
import { executionsOf, outcomesTold } from "../support/observations.ts";
import { situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { type Run, startWorld, type TestSecret, type World } from "../support/world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("a rotation asked for outside the policy's windows", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test("waits until the next one opens, visibly, and begins then", async () => {
    const opensAt = soon(3 * HOUR);
    const secret = await situation(world, { policy: opensOnce(opensAt), dependents: { orders: "cache" } });

    const token = await ask(secret);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: secret.succeeded(token),
      opens: [token],
    });
    expect(run.path.slice(0, 5)).toEqual(["Plan", "Mode", "AwaitWindow", "Plan", "Mode"]);
    expectWaited(run, opensAt);
    expect(secret.dependents["orders"]?.versionId()).toBe(token);
  });

  test("waits for the end of a freeze period, window or not", async () => {
    const to = soon(2 * DAY);
    const freezes = [{ from: iso(soon(-HOUR)), to: iso(to), reason: "release week" }];
    const secret = await situation(world, { policy: { freezes } });

    const token = await ask(secret);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: secret.succeeded(token),
      opens: [token],
    });
    expectWaited(run, to);
    expect(reasonsIn(run)).toEqual(["a freeze period is on (release week)", "asked for"]);
  });

  test("is planned afresh then: the labels and the health of then are what a rollback goes back to", async () => {
    const secret = await situation(world, { policy: opensOnce(soon(HOUR)), dependents: { orders: "cache" } });
    const newer = randomUUID();
    const double = secret.dependents["orders"];
    using _ = onWait(secret, async () => {
      if (double) double.faults.health = 503;
      await write(secret, newer, ["AWSPREVIOUS", "GREEN"]);
    });
    using __ = atStep(world, secret, "SetSecret", "before", async () => {
      if (double) double.faults.refresh = 503;
    });

    const token = await ask(secret);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: {
        [secret.firstVersion]: ["AWSCURRENT"],
        [newer]: ["AWSPREVIOUS", "GREEN"],
        [secret.older]: ["BLUE"],
        [token]: ["ROTATION_ROLLED_BACK"],
      },
      opens: [secret.firstVersion],
    });
    expect(told?.dependents.items[0]).toMatchObject({ name: "orders", before: "unhealthy" });
  });

  test("is ignored when AWSCURRENT has moved meanwhile: it was asked for from another version", async () => {
    const secret = await situation(world, { policy: opensOnce(soon(HOUR)) });
    const other = randomUUID();
    using _ = onWait(secret, () => write(secret, other, ["AWSCURRENT"]));

    const token = await ask(secret);

    await expectIgnored(secret, token, "AWSCURRENT is not the version that the requester saw");
    expect(holderOf(await world.labels(secret), "AWSCURRENT")).toBe(other);
  });

  test("lets an emergency go ahead, and is ignored after it", async () => {
    const opensAt = soon(HOUR);
    const secret = await situation(world, { policy: opensOnce(opensAt), dependents: { orders: "cache" } });
    const emergency = deriveToken(secret.arn, secret.firstVersion, 1, "emergency");
    using _ = onWait(secret, () => put(secret, { emergency: true, reason: "leaked" }));

    const token = await ask(secret);

    const { run } = await expectEnd(world, secret, emergency, {
      outcome: "SUCCEEDED",
      labels: secret.succeeded(emergency),
      opens: [emergency],
    });
    expect(run.path).not.toContain("AwaitWindow");
    expect(run.execution.stopDate?.getTime()).toBeLessThan(opensAt);
    await expectIgnored(secret, token, "AWSCURRENT is not the version that the requester saw");
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  test("is one rotation, however often it is asked for while it waits", async () => {
    const secret = await situation(world, { policy: opensOnce(soon(HOUR)) });
    using _ = onWait(secret, () => put(secret));
    await ask(secret);
    expect(await executionsOf(world, secret)).toHaveLength(1);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  test("is withdrawn by StopExecution: its repair rejects it, and the next attempt is free to wait", async () => {
    const secret = await situation(world, { policy: opensOnce(soon(HOUR)) });
    const withdrawn = deriveToken(secret.arn, secret.firstVersion, 1);
    {
      using _ = onWait(secret, async () => {
        const executionArn = arnOf(executionName(secret.arn, withdrawn));
        const stop = () => world.sfn.send(new StopExecutionCommand({ executionArn }));
        void world.clock.sleep(MINUTE, "wait").then(() => world.clock.track(stop()));
      });
      await ask(secret);
    }

    expect((await world.run(secret, withdrawn)).path).toEqual(["Plan", "Mode", "AwaitWindow"]);
    const incidents = world.incidents().filter(({ secret: { arn } }) => arn === secret.arn);
    expect(incidents.map(({ kind }) => kind)).toEqual(["execution-died"]);
    await expectEnd(world, secret, withdrawn, {
      outcome: "REJECTED",
      labels: secret.before,
      opens: [secret.firstVersion],
      repair: 1,
    });
    await world.request(secret, { expectedVersionId: secret.firstVersion, attempt: 2 });
    expect(outcomesTold(world, secret)).toEqual(["REJECTED", "SUCCEEDED"]);
  });

  test.each<[what: string, policy: () => Partial<PolicyInput>, message: RegExp]>([
    [
      "with outsideWindow refuse, saying when it opens",
      () => ({ ...opensOnce(soon(HOUR)), outsideWindow: "refuse" }),
      /may not be rotated now: it is outside the policy's windows\. It opens at 20\S+Z\. Ask again then/,
    ],
    [
      "in a freeze period with outsideWindow refuse, saying why",
      () => ({
        freezes: [{ from: iso(soon(-HOUR)), to: iso(soon(HOUR)), reason: "year end" }],
        outsideWindow: "refuse",
      }),
      /may not be rotated now: a freeze period is on \(year end\)\. It opens at 20\S+Z/,
    ],
    [
      "when none ever opens",
      () => ({ freezes: [{ from: iso(soon(-HOUR)), to: iso(soon(401 * DAY)), reason: "for good" }] }),
      /a freeze period is on \(for good\)\. It does not open within a year\./,
    ],
    [
      "when every window of a year is frozen",
      () => ({
        ...opensOnce(soon(HOUR)),
        freezes: [{ from: iso(soon(MINUTE)), to: iso(soon(500 * DAY)), reason: "for good" }],
      }),
      /it is outside the policy's windows\. It does not open within a year\./,
    ],
    [
      "when it opens later than a request is meant for",
      () => ({ freezes: [{ from: iso(soon(-HOUR)), to: iso(soon(91 * DAY)), reason: "migration" }] }),
      /a freeze period is on \(migration\)\. It opens at/,
    ],
  ])("is refused %s", async (_what, policy, message) => {
    const secret = await situation(world, { policy: policy() });

    const token = await ask(secret);

    const { told, run } = await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: secret.before,
      opens: [secret.firstVersion],
      error: "OutsideWindow",
      failedIn: "Plan",
    });
    expect(told?.failure?.message).toMatch(message);
    expect(run.path).not.toContain("AwaitWindow");
    expect(secret.proxy.connections()).toBe(0);
  });

  test("begins at once where a window is open", async () => {
    const secret = await situation(world, { policy: opensOnce(soon(-MINUTE)) });
    const token = await ask(secret);
    expect((await world.run(secret, token)).path).not.toContain("AwaitWindow");
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  // --- internal ---

  const soon = (milliseconds: number) => Math.floor((world.clock.now() + milliseconds) / MINUTE) * MINUTE;

  async function ask(secret: TestSecret): Promise<string> {
    await world.request(secret, { expectedVersionId: secret.firstVersion });
    return deriveToken(secret.arn, secret.firstVersion, 1);
  }

  /** Puts a request on the bus, and does not wait for what follows. */
  async function put(
    { name, firstVersion }: TestSecret,
    detail: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    world.account.events.put({
      source: "test",
      detailType: "Rotation Requested",
      detail: { secretId: name, expectedVersionId: firstVersion, ...detail },
      bus: ROTATION_BUS,
    });
  }

  /** Does something once, after the first plan of the secret's rotation and before the wait is over. */
  function onWait(secret: TestSecret, run: () => Promise<unknown>): Disposable {
    return atStep(world, secret, "Plan", "after", run);
  }

  async function write({ arn }: TestSecret, versionId: string, VersionStages: string[]): Promise<void> {
    const request = { SecretId: arn, ClientRequestToken: versionId, SecretString: "{}", VersionStages };
    await world.client.send(new PutSecretValueCommand(request));
  }

  async function expectIgnored(secret: TestSecret, token: string, reason: string): Promise<void> {
    const { execution, path } = await world.run(secret, token);
    expect(path).toEqual(["Plan", "Mode", "AwaitWindow", "Plan", "Mode", "Ignored"]);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({ outcome: "IGNORED", reason });
  }

  function arnOf(name: string): string {
    return executionArn(world.deployment().stateMachineArn, name);
  }

  /** It stands in AwaitWindow up to this instant, and touches nothing before it. */
  function expectWaited({ history }: Run, untilMs: number): void {
    const left = history.filter((event) => event.stateExitedEventDetails?.name === "AwaitWindow").at(-1);
    const created = history.find((event) => event.stateEnteredEventDetails?.name === "CreateSecret");
    // Waits are whole seconds.
    expect((left?.timestamp?.getTime() ?? 0) - untilMs).toBeGreaterThanOrEqual(0);
    expect((left?.timestamp?.getTime() ?? 0) - untilMs).toBeLessThan(2000);
    expect(created?.timestamp?.getTime()).toBeGreaterThanOrEqual(untilMs);
  }

  function reasonsIn({ history }: Run): readonly unknown[] {
    const plans = history
      .flatMap((event) => event.taskSucceededEventDetails?.output ?? [])
      .map((each) => JSON.parse(each));
    return plans.flatMap(({ Payload }) => (Payload?.decision === undefined ? [] : [Payload.reason]));
  }
});

test("on the day on which clocks go forward a window whose beginning is skipped opens at the end of the gap", async () => {
  // In Vienna 02:00 to 03:00 do not exist on 29 March 2026: the gap ends at 01:00 UTC.
  await using world = await startWorld({ startsAgoMs: Date.now() - Date.parse("2026-03-28T20:00:00Z") });
  const windows = [{ timeZone: "Europe/Vienna", from: "02:30", to: "04:00" }];
  const secret = await situation(world, { policy: { windows } });

  await world.request(secret);

  const run = await world.run(secret, deriveToken(secret.arn, secret.firstVersion, 1));
  const left = run.history.find((event) => event.stateExitedEventDetails?.name === "AwaitWindow");
  expect(left?.timestamp?.toISOString()).toMatch(/^2026-03-29T01:00:00/);
  expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
});

/** A window of one hour a day, that opens at this instant. */
function opensOnce(opensAtMs: number): Partial<PolicyInput> {
  const time = (ms: number) => iso(ms).slice(11, 16);
  return { windows: [{ timeZone: "UTC", from: time(opensAtMs), to: time(opensAtMs + HOUR) }] };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
