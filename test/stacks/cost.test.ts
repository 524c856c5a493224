import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import { recordOutcome } from "../../core/metrics.ts";
import { RULES } from "../../core/triggers.ts";
import type { Call } from "../../local/wire-calls.ts";
import { measuredBy } from "../support/measured.ts";
import { rotateOnce, type Situation, type SituationOptions, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { type Counted, type CountedSweep, type Measured, renderCost } from "./cost-document.ts";
import { all, type Graph, one } from "./harness/graph.ts";

const names = Object.keys(FUNCTIONS) as FunctionName[];
let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

test("docs/cost.md is written from what was counted", async () => {
  const counted = [
    await count("native, no dependent", { mode: "native" }),
    await count("native, one dependent", { mode: "native", dependents: { orders: "cache" } }),
    await count("driven, one dependent", { mode: "driven", dependents: { orders: "cache" } }),
    await count("driven, three dependents", {
      mode: "driven",
      dependents: { one: "cache", two: "cache", three: "cache" },
    }),
  ];
  for (const { transitions, what } of counted) {
    const dependents = { no: 0, one: 1, three: 3 }[what.split(", ")[1]?.split(" ")[0] ?? ""] ?? 0;
    expect(transitions, what).toBeLessThanOrEqual(13 + 3 * dependents);
  }
  const document = renderCost(counted, await countSweep(), measuredIn(inject("graphs").production));
  // `npm run test:stacks -- cost -u` writes it anew.
  await expect(document).toMatchFileSnapshot(new URL("../../docs/cost.md", import.meta.url).pathname);
});

async function count(what: string, options: SituationOptions): Promise<Counted> {
  const secret: Situation = await situation(world, options);
  const [calls, lines] = [world.account.calls().length, world.account.lambda.logs().length];
  const token = await rotateOnce(world, secret);
  const { path, history, execution } = await world.run(secret, token);
  expect(execution.status).toBe("SUCCEEDED");
  const made = world.account.calls().slice(calls);
  const logs = world.account.lambda.logs().slice(lines);
  // As the workflow's log has them: every event, without what states carry.
  const events = history.map((event) => JSON.stringify(event, (key, value) => (CARRIED.has(key) ? undefined : value)));
  return {
    what,
    transitions: path.length,
    invocations: invocationsIn(made),
    secretsManagerCalls: made.filter(isOurs).length,
    logBytes: [...logs.map(({ text }) => text), ...events].reduce((sum, line) => sum + line.length, 0),
  };
}

const CARRIED = new Set(["input", "output", "parameters", "cause", "assignedVariables"]);

/** In a world in which nothing is to be found, once its heartbeat beats. */
async function countSweep(): Promise<CountedSweep> {
  await using quiet = await startWorld();
  const sweep = async (): Promise<readonly Call[]> => {
    await quiet.clock.advance(15 * 60_000);
    const before = quiet.account.calls().length;
    const answer = await quiet.account.lambda.invoke("reconcile", { time: new Date(quiet.clock.now()).toISOString() });
    await quiet.settled();
    expect(answer.Payload).toMatchObject({ findings: {}, failed: 0, more: false });
    return quiet.account.calls().slice(before);
  };
  const listsIn = (calls: readonly Call[]) => calls.filter(({ operation }) => operation === "ListSecrets").length;
  await sweep();
  const made = await sweep();
  // The events of what is made now would be invocations of dispatch, which are not what is counted.
  for (const { name, bus } of RULES)
    await quiet.account.events.operations["DisableRule"]?.({ Name: name, EventBusName: bus });
  const MORE = 300;
  for (let n = 0; n < MORE; n += 1) quiet.account.secretsManager.seed({ Name: `healthy/${n}`, SecretString: "{}" });
  const secretsPerList = MORE / (listsIn(await sweep()) - listsIn(made));
  return {
    // The schedule's own invocation was the test's.
    invocations: { ...invocationsIn(made), reconcile: 1 },
    secretsManagerCalls: Object.fromEntries(
      names.map((name) => [name, made.filter((call) => isOurs(call) && call.caller === name).length]),
    ),
    secretsPerList,
  };
}

function measuredIn(graph: Graph): Measured {
  const alarms = all(graph, "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => inputs);
  // CloudWatch bills an alarm on an expression by the metrics in it.
  const metrics = alarms.reduce((sum, { metricQueries }) => sum + (metricQueries?.length ?? 2) - 1, 0);
  const { widgets } = JSON.parse(one(graph, "aws:cloudwatch/dashboard:Dashboard", "dashboard").inputs.dashboardBody);
  const shown = widgets.flatMap(({ properties }: { properties: { metrics?: unknown[] } }) => properties.metrics ?? []);
  const ofOutcome = (known: Partial<Parameters<typeof recordOutcome>[0]>) =>
    measuredBy(() =>
      recordOutcome({ stage: "production", outcome: "SUCCEEDED", mode: "native", durationMs: 1, ...known }),
    ).filter(({ dimensions }) => dimensions["outcome"] !== undefined).length;
  return {
    alarms: { count: alarms.length, metrics },
    dashboardMetrics: shown.length,
    ofOutcome: { least: ofOutcome({}), most: ofOutcome({ credentialGapMs: 1, newWasLiveMs: 1 }) },
  };
}

function invocationsIn(calls: readonly Call[]): Readonly<Record<FunctionName, number>> {
  const invoked = calls.filter(({ operation }) => operation === "Invoke");
  const called = invoked.map(({ input }) => (input as { FunctionName: string }).FunctionName.split(":").at(-1));
  return Object.fromEntries(names.map((name) => [name, called.filter((each) => each === name).length])) as Record<
    FunctionName,
    number
  >;
}

/** A call of Secrets Manager by one of Rotor's functions. */
function isOurs({ service, caller }: Call): boolean {
  return service === "secretsmanager" && caller !== undefined && caller in FUNCTIONS;
}
