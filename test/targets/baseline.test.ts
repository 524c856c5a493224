import { expect, test } from "vitest";
import { AwsError } from "../../local/services/service.ts";
import type { InterceptedCall, Replacement } from "../../local/wire-calls.ts";
import { outcomesTold } from "../support/observations.ts";
import { startWorld } from "../support/world.ts";

/** Plan's look at the dependents is taken by the function that stands in their network. */
const isLook = ({ caller, operation }: InterceptedCall) => caller === "plan" && operation === "Invoke";

test("Plan asks one function for all dependents, and none where there are none", async () => {
  await using world = await startWorld();
  const alone = await world.addSecret();
  const asked: unknown[] = [];
  using _ = world.account.intercept((call) => {
    if (isLook(call) && call.phase === "before") asked.push((call.input as { Payload: unknown }).Payload);
  });
  await world.rotate(alone);
  expect(asked).toEqual([]);

  const secret = await world.addSecret({ dependents: { orders: "cache", billing: "reload" } });
  await world.rotate(secret);

  const { arn, name, firstVersion } = secret;
  expect(asked).toEqual([{ action: "baseline", secretArn: arn, secretName: name, versionId: firstVersion }]);
});

const fails = (errorType: string, errorMessage = "as the test wants it"): Replacement => ({
  reply: { StatusCode: 200, FunctionError: "Unhandled", Payload: { errorType, errorMessage, trace: [] } },
});

test.each<[string, () => Replacement]>([
  ["is ended by Lambda", () => fails("Sandbox.Timedout")],
  ["is throttled on its way to a dependent", () => fails("Throttled")],
  ["is of another release for a moment", () => fails("EventInvalid")],
  [
    "does not know the policy's dependents yet",
    () => ({ reply: { StatusCode: 200, Payload: { dependents: [], probes: [], baseline: [] } } }),
  ],
  [
    "is being deployed",
    () => {
      throw new AwsError("ResourceConflictException", "The function is currently in the following state: Pending", 409);
    },
  ],
])("Plan asks again where that function %s", async (_how, answer) => {
  await using world = await startWorld();
  const secret = await world.addSecret({ dependents: { orders: "cache" } });
  let left = 1;
  using _ = world.account.intercept((call) => {
    if (!isLook(call) || call.phase !== "before" || left === 0) return undefined;
    left -= 1;
    return answer();
  });

  const token = await world.rotate(secret);

  expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  expect(left).toBe(0);
  expect((await world.run(secret, token)).path.filter((state) => state === "Plan")).toHaveLength(1);
});

test("what a required dependent is refused for goes on under its own name and in its own words, and nothing was touched", async () => {
  await using world = await startWorld();
  const secret = await world.addSecret({ dependents: { orders: "cache" } });
  const errorMessage = "Dependent orders: it could not follow. Nothing was touched.";
  using _ = world.account.intercept((call) =>
    isLook(call) && call.phase === "before" ? fails("ConfigurationInvalid", errorMessage) : undefined,
  );

  const token = await world.rotate(secret);

  const { execution, path } = await world.run(secret, token);
  expect(JSON.parse(execution.cause ?? "{}")).toMatchObject({ outcome: "REJECTED", error: "ConfigurationInvalid" });
  expect(execution.cause).toContain(errorMessage);
  expect(path).not.toContain("CreateSecret");
});
