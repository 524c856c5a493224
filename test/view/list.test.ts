import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AwsError } from "../../local/services/service.ts";
import type { ListPart, RunRow, SecretRow } from "../../view/wire.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { type Live, startView, until, type Viewer } from "./viewer.ts";

let world: World;
let view: Viewer;
let [good, bad]: Situation[] = [];
beforeAll(async () => {
  world = await startWorld();
  good = await situation(world);
  bad = await situation(world, { dependents: { api: "reload" } });
  await rotateOnce(world, good);
  if (bad.dependents["api"] !== undefined) bad.dependents["api"].faults.refresh = 422;
  await rotateOnce(world, bad);
  await world.client.send(new CreateSecretCommand({ Name: "nobody/knows", SecretString: "x".repeat(40) }));
  view = await startView(world.account.environment);
});
afterAll(async () => {
  await view?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

/** What a page would show: rows take the place of those of the same name. */
function shownBy({ messages }: Live): { runs: Map<string, RunRow>; secrets: Map<string, SecretRow>; last: ListPart } {
  const parts = messages.map(({ data }) => data as ListPart);
  const runs = new Map(parts.flatMap((part) => part.runs.map((run) => [run.name, run])));
  const secrets = new Map(parts.flatMap((part) => part.secrets.map((secret) => [secret.name, secret])));
  return { runs, secrets, last: parts.at(-1) as ListPart };
}

/** Calls that the view has made since. */
function callsSince(since: number, operation: string): number {
  const calls = world.account.calls().slice(since);
  return calls.filter((call) => call.operation === operation && call.caller === undefined).length;
}

const runOf = (live: Live, secret: Situation | undefined) =>
  [...shownBy(live).runs.values()].find((run) => run.secret === secret?.name);

test("runs come at once, with what their status tells; how they ended, and the secrets, follow", async () => {
  // Where nothing can be described yet, a list is all there is.
  using refusing = world.account.intercept(({ operation, caller, phase }) => {
    if (operation !== "DescribeExecution" || caller !== undefined || phase !== "before") return;
    throw new AwsError("AccessDeniedException", "Not yet.", 400);
  });
  using live = view.live("api/list/live");
  await until(() => runOf(live, good) !== undefined && shownBy(live).last.problem !== null);
  expect(runOf(live, good)).toMatchObject({ status: "SUCCEEDED", outcome: null, mode: null, secret: good?.name });
  expect(runOf(live, bad)).toMatchObject({ status: "FAILED", outcome: null, mode: null, secret: bad?.name });
  expect(shownBy(live).last.problem).toMatch(/AccessDenied: states:DescribeExecution/);

  refusing[Symbol.dispose]();
  await until(() => shownBy(live).secrets.size === 2 && runOf(live, bad)?.outcome !== null);
  expect(runOf(live, good)).toMatchObject({ outcome: "SUCCEEDED", mode: "driven" });
  expect(runOf(live, bad)).toMatchObject({ outcome: "ROLLED_BACK", mode: "driven", endedAt: expect.any(String) });
  await until(() => shownBy(live).last.reading === null && shownBy(live).last.problem === null);
  const { secrets, last } = shownBy(live);
  expect(last.more).toBe(false);
  expect([...secrets.keys()].sort()).toEqual([good?.name, bad?.name].sort());
  expect(secrets.get(bad?.name ?? "")).toMatchObject({
    states: ["last failed"],
    lastRun: { name: runOf(live, bad)?.name, outcome: "ROLLED_BACK" },
    policy: { mode: "driven" },
  });
});

test("whoever comes later gets at once what is known, and nobody reads it twice", async () => {
  using first = view.live("api/list/live");
  await until(() => shownBy(first).last?.reading === null && shownBy(first).secrets.size === 2);
  const [since, begun] = [world.account.calls().length, Date.now()];
  using second = view.live("api/list/live");
  await until(() => second.messages.length > 0);
  expect(shownBy(second).secrets).toEqual(shownBy(first).secrets);
  expect(shownBy(second).runs).toEqual(shownBy(first).runs);
  // Until runs were listed twice more, which takes one pause at least: for each of them it would be none.
  await until(() => callsSince(since, "ListExecutions") >= 3);
  expect(Date.now() - begun).toBeGreaterThan(3000);
  expect(callsSince(since, "DescribeExecution")).toBe(0);
  expect(callsSince(since, "DescribeSecret")).toBe(0);
});

test("a run that begins and ends is told while one looks, with its secret as it is then", async () => {
  using live = view.live("api/list/live");
  await until(() => shownBy(live).last?.reading === null && shownBy(live).secrets.size === 2);
  const before = new Set(shownBy(live).runs.keys());
  await rotateOnce(world, good as Situation);
  const fresh = () => [...shownBy(live).runs.values()].find(({ name }) => !before.has(name));
  await until(() => fresh()?.outcome === "SUCCEEDED");
  await until(() => shownBy(live).secrets.get(good?.name ?? "")?.lastRun?.name === fresh()?.name);
  expect(fresh()).toMatchObject({ secret: good?.name, mode: "driven", status: "SUCCEEDED" });
});

test("what cannot be read is said, and the rest goes on", async () => {
  using _ = world.account.intercept(({ operation, caller, phase }) => {
    if (operation !== "ListExecutions" || caller !== undefined || phase !== "before") return;
    throw new AwsError("ThrottlingException", "Rate exceeded", 400);
  });
  using live = view.live("api/list/live");
  await until(() => shownBy(live).last?.problem?.includes("Throttled: states:ListExecutions") === true);
  // What was known stays.
  expect(shownBy(live).secrets.size).toBe(2);
  expect(shownBy(live).runs.size).toBeGreaterThan(1);
});

test("while nobody looks, nothing is asked for", async () => {
  const live = view.live("api/list/live");
  await until(() => live.messages.length > 0);
  live[Symbol.dispose]();
  // Its place is taken by somebody whose leaving has been noticed, too, once this is answered.
  await until(() => live.hasEnded());
  await view.get("api/place");
  const since = world.account.calls().length;
  const begun = Date.now();
  // Longer than from one list to the next.
  await until(() => Date.now() - begun > 5000);
  expect(callsSince(since, "ListExecutions")).toBe(0);
});
