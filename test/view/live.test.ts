import { afterAll, beforeAll, expect, test } from "vitest";
import { executionName } from "../../core/identity.ts";
import { AwsError } from "../../local/services/service.ts";
import type { ExecutionPart, WireEvent } from "../../view/wire.ts";
import { whileHeld } from "../cli/while-held.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { type Live, startView, until, type Viewer } from "./viewer.ts";

let world: World;
let view: Viewer;
beforeAll(async () => {
  world = await startWorld();
  view = await startView(world.account.environment, "--read-only");
});
afterAll(async () => {
  await view?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

function eventsOf({ messages }: Live): readonly WireEvent[] {
  return messages.filter(({ event }) => event === "events").flatMap(({ data }) => data);
}

function partOf({ messages }: Live): ExecutionPart | undefined {
  return messages.findLast(({ event }) => event === "part")?.data;
}

const idsOf = (live: Live) => eventsOf(live).map(({ id }) => id);

async function ended(secret: Situation): Promise<string> {
  return executionName(secret.arn, await rotateOnce(world, secret));
}

/** Looks of the view at a run since: the calls of its poller. */
function looksSince(since: number, name: string): number {
  return world.account
    .calls()
    .slice(since)
    .filter(({ operation, caller, input }) => {
      return operation === "DescribeExecution" && caller === undefined && JSON.stringify(input).includes(name);
    }).length;
}

/** A run that is held, and goes on when it is released. */
async function held(work: (name: string, release: () => void) => Promise<void>): Promise<void> {
  const secret = await situation(world);
  await whileHeld(
    world,
    secret,
    async () => void rotateOnce(world, secret).catch(() => {}),
    async (_, release) => {
      const { name } = (await view.get(`api/runs/${encodeURIComponent(secret.name)}`)).json().run;
      await work(name, release);
    },
  );
}

test("a run is told as it goes on, to its end: each event once, in order, and how it is", async () => {
  await held(async (name, release) => {
    using live = view.live(`api/runs/${name}/live`);
    await until(() => partOf(live)?.run.status === "RUNNING");
    expect(partOf(live)).toMatchObject({ verdict: "It is running.", told: null, actions: [] });
    const before = idsOf(live).length;
    release();
    await until(() => partOf(live)?.run.outcome === "SUCCEEDED");
    const ids = idsOf(live);
    expect(ids.length).toBeGreaterThan(before);
    expect(ids).toEqual(ids.map((_, index) => index + 1));
    expect(eventsOf(live).at(-1)?.type).toBe("ExecutionSucceeded");
    expect(partOf(live)?.told?.outcome).toBe("SUCCEEDED");
    // What a page gets that comes later is the same.
    expect((await view.get(`api/runs/${name}`)).json().events).toEqual(eventsOf(live));
  });
});

test("two who look are told the same, and the run is looked at once for both", async () => {
  await held(async (name, release) => {
    using first = view.live(`api/runs/${name}/live`);
    using second = view.live(`api/runs/${name}/live`);
    await until(() => partOf(first) !== undefined && partOf(second) !== undefined);
    const [since, seen, begun] = [world.account.calls().length, first.messages.length, Date.now()];
    await until(() => first.messages.length >= seen + 3 && second.messages.length >= seen + 3);
    // A look a second.
    expect(looksSince(since, name)).toBeLessThanOrEqual(Math.ceil((Date.now() - begun) / 1000) + 1);
    release();
    await until(() => partOf(first)?.run.outcome === "SUCCEEDED" && partOf(second)?.run.outcome === "SUCCEEDED");
    expect(eventsOf(second)).toEqual(eventsOf(first));
  });
});

test("whoever comes again gets what came after what was seen last, and no event twice", async () => {
  const name = await ended(await situation(world));
  using whole = view.live(`api/runs/${name}/live`);
  await until(() => partOf(whole) !== undefined);
  const ids = idsOf(whole);
  expect(whole.messages.find(({ event }) => event === "events")?.id).toBe(String(ids.at(-1)));
  const middle = ids[Math.floor(ids.length / 2)] ?? 0;
  using after = view.live(`api/runs/${name}/live?after=${middle}`);
  await until(() => partOf(after) !== undefined);
  expect(idsOf(after)).toEqual(ids.filter((id) => id > middle));
  // The address stays that of the first time: what the browser says counts.
  using again = view.live(`api/runs/${name}/live?after=3`, { "last-event-id": String(middle) });
  await until(() => partOf(again) !== undefined);
  expect(idsOf(again)).toEqual(idsOf(after));
  using nothing = view.live(`api/runs/${name}/live?after=${ids.at(-1)}`);
  await until(() => partOf(nothing) !== undefined);
  expect(eventsOf(nothing)).toEqual([]);
});

test("of a run that was read already only what is new is asked for", async () => {
  await held(async (name, release) => {
    using live = view.live(`api/runs/${name}/live`);
    await until(() => partOf(live) !== undefined);
    const since = world.account.calls().length;
    release();
    await until(() => partOf(live)?.run.outcome === "SUCCEEDED");
    const asked = world.account
      .calls()
      .slice(since)
      .filter(({ operation, caller }) => operation === "GetExecutionHistory" && caller === undefined);
    expect(asked.length).toBeGreaterThan(0);
    for (const { input } of asked) expect(input).toMatchObject({ reverseOrder: true });
  });
});

test("a look that fails is told, and what comes after it is, too", async () => {
  await held(async (name, release) => {
    using live = view.live(`api/runs/${name}/live`);
    await until(() => partOf(live) !== undefined);
    const refusing = world.account.intercept(({ operation, caller, phase }) => {
      if (operation !== "DescribeExecution" || caller !== undefined || phase !== "before") return;
      throw new AwsError("ExpiredTokenException", "expired", 400);
    });
    await until(() => live.messages.at(-1)?.event === "problem");
    expect(live.messages.at(-1)?.data).toEqual({
      message: "AWS does not take these credentials: they have expired, or are of nobody.",
      todo: expect.stringContaining("sign in"),
    });
    refusing[Symbol.dispose]();
    release();
    await until(() => partOf(live)?.run.outcome === "SUCCEEDED");
  });
});

test("a run that has not begun is a problem until it has", async () => {
  const secret = await situation(world);
  let live: Live | undefined;
  try {
    const name = executionName(secret.arn, crypto.randomUUID());
    live = view.live(`api/runs/${name}/live`);
    await until(() => live?.messages.length === 1);
    expect(live.messages[0]).toMatchObject({
      event: "problem",
      data: { message: expect.stringContaining("has not begun") },
    });
  } finally {
    live?.[Symbol.dispose]();
  }
});

test("when the last one has left, the run is not looked at any more", async () => {
  await held(async (name) => {
    const live = view.live(`api/runs/${name}/live`);
    await until(() => partOf(live) !== undefined);
    live[Symbol.dispose]();
    await until(() => live.hasEnded());
    await view.get("api/place");
    const [since, begun] = [world.account.calls().length, Date.now()];
    await until(() => Date.now() - begun > 3000);
    expect(looksSince(since, name)).toBe(0);
  });
});

test("a connection on which nothing happens is kept by comments", async () => {
  const name = await ended(await situation(world));
  using live = view.live(`api/runs/${name}/live`);
  await until(() => live.comments() >= 2);
  expect(live.hasEnded()).toBe(false);
});

test("Ctrl-C ends what is live at once, and the process with 130", async () => {
  await using own = await startView(world.account.environment);
  using list = own.live("api/list/live");
  await until(() => list.messages.length > 0);
  const begun = Date.now();
  own.process.interrupt();
  expect((await own.process.ended).status).toBe(130);
  await until(() => list.hasEnded());
  expect(Date.now() - begun).toBeLessThan(5000);
});
