import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { FUNCTIONS } from "../../core/blueprint.ts";
import { rotateOnce, type Situation, type SituationOptions, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { type Counted, renderCost } from "./cost-document.ts";
import { all } from "./harness/graph.ts";

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
  const inputs = all(inject("graphs").production, "aws:cloudwatch/metricAlarm:MetricAlarm").map((each) => each.inputs);
  // CloudWatch bills an alarm on an expression by the metrics in it.
  const metrics = inputs.reduce((total, { metricQueries }) => total + (metricQueries?.length ?? 2) - 1, 0);
  const alarms = { count: inputs.length, metrics };
  // `npm run test:stacks -- cost -u` writes it anew.
  await expect(renderCost(counted, alarms)).toMatchFileSnapshot(
    new URL("../../docs/cost.md", import.meta.url).pathname,
  );
});

async function count(what: string, options: SituationOptions): Promise<Counted> {
  const secret: Situation = await situation(world, options);
  const before = world.account.calls().length;
  const token = await rotateOnce(world, secret);
  const { path, execution } = await world.run(secret, token);
  expect(execution.status).toBe("SUCCEEDED");
  const calls = world.account.calls().slice(before);
  const invoked = calls.filter(({ operation }) => operation === "Invoke");
  const named = invoked.map(({ input }) => (input as { FunctionName: string }).FunctionName.split(":").at(-1) ?? "");
  const invocations = Object.fromEntries(
    Object.keys(FUNCTIONS).map((name) => [name, named.filter((each) => each === name).length]),
  );
  const isOurs = (caller: string | undefined) => caller !== undefined && caller in FUNCTIONS;
  const secretsManagerCalls = calls.filter(
    ({ service, caller }) => service === "secretsmanager" && isOurs(caller),
  ).length;
  return { what, transitions: path.length, invocations, secretsManagerCalls };
}
