import { afterAll, beforeAll, expect, test } from "vitest";
import { executionName } from "../../core/identity.ts";
import { type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const secretWith = (options = {}): Promise<Situation> =>
  situation(world, { mode: "driven", dependents: { api: "reload" }, ...options });

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test.each(["driven", "native"] as const)(
  "a %s secret is rotated, followed to its end, and status 0 says that it succeeded",
  async (mode) => {
    const secret = await secretWith({ mode });
    if (mode === "native") await world.rotate(secret);
    const ended = await run("rotate", secret.name, "--wait", "--reason", "ticket 1");

    expect(ended.stderr).toMatch(
      /^123456789012 \(user\/local\) · us-east-1 · stage local\nA rotation of .* was asked for/,
    );
    expect(ended.stdout).toMatch(/SUCCEEDED .*\nProduction works: the new version [0-9a-f]{8} is live/);
    expect(ended.stdout).toContain("✓ FinishSecret");
    expect(ended.status).toBe(0);
  },
);

test("as JSON it is one document, with the steps and what people were told", async () => {
  const secret = await secretWith();
  const ended = await run("rotate", secret.name, "--wait", "--output", "json", "--quiet");

  expect(ended.status).toBe(0);
  expect(ended.stderr).toBe("");
  const document = documentOf(ended);
  expect(document).toMatchObject({
    ...{ schema: "rotor.run/1", outcome: "SUCCEEDED", status: "SUCCEEDED", mode: "driven" },
    secret: { name: secret.name, arn: secret.arn },
    told: { schema: "rotation.notification/1", outcome: "SUCCEEDED", state: { production: "working" } },
  });
  expect(document.name).toBe(executionName(secret.arn, document.token));
  expect(document.steps.map(({ name }: { name: string }) => name)).toContain("SetSecret");
  expect(ended.stdout).not.toContain(await world.password(secret, document.token));
});

test("without --wait it says what the run is called, and watch follows that", async () => {
  const secret = await secretWith();
  const asked = await run("rotate", secret.name, "--output", "json");
  expect(asked.status).toBe(0);
  const { run: name } = documentOf(asked);
  const watched = await run("watch", name, "--output", "ndjson");
  expect(watched.status).toBe(0);
  expect(documentOf(watched, true)).toMatchObject({ name, outcome: "SUCCEEDED" });
});

test("a rotation that is rolled back ends with status 4, and shows how the old credential was proved", async () => {
  const secret = await secretWith();
  const { api } = secret.dependents;
  if (api === undefined) throw new Error("There is no dependent.");
  api.faults.refresh = 422;
  const ended = await run("rotate", secret.name, "--wait");
  expect(ended.stdout).toContain("ROLLED BACK");
  expect(ended.stdout).toMatch(/Production works: it is back on the old version/);
  expect(ended.stdout).toContain("To do:");
  expect(ended.status).toBe(4);

  delete api.faults.refresh;
  const again = await run("retry", secret.name, "--wait", "--output", "json");
  expect(again.status).toBe(0);
  expect(documentOf(again).outcome).toBe("SUCCEEDED");
});

test("what dispatch would refuse is refused at once, with status 3, and nothing is asked for", async () => {
  const native = await world.add({ a: 1 }, { mode: "native", strategy: "postgres-single-user" });
  const before = (await world.executions()).length;
  const ended = await run("rotate", native.name);
  expect(ended.stderr).toMatch(
    /rotor: .*Nothing was asked for\.\n {2}runbook: docs\/runbooks\.md#configurationinvalid\n$/,
  );
  expect(ended.status).toBe(3);
  expect(await world.executions()).toHaveLength(before);
});
