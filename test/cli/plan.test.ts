import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PLANNED, PLANNED_ROLLBACK, type PlannedStep } from "../../cli/planned-calls.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const FUNCTIONS = ["plan", "rotate", "gate", "roll-back", "notify"];

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** "<function> <action> [<label>]", each once: what the functions have asked AWS for. */
async function asked(secret: Situation): Promise<readonly string[]> {
  const since = world.account.calls().length;
  await rotateOnce(world, secret);
  const made = world.account
    .calls()
    .slice(since)
    .flatMap(({ service, operation, caller, input }) => {
      if (caller === undefined || !FUNCTIONS.includes(caller)) return [];
      const { VersionStage: label } = Object(input) as { readonly VersionStage?: string };
      const action = operation === "Invoke" ? "lambda:InvokeFunction" : `${service}:${operation}`;
      return [[caller, action, ...(label === undefined ? [] : [label])].join(" ")];
    });
  return [...new Set(made)].sort();
}

function told(...steps: readonly PlannedStep[]): readonly string[] {
  const all = steps.flatMap(({ by, calls }) =>
    calls.map(({ action, on }) =>
      [by, action, ...(action.endsWith("VersionStage") ? [on.split(" ")[0]] : [])].join(" "),
    ),
  );
  return [...new Set(all)].sort();
}

describe("what plan tells is what a rotation asks AWS for, and nothing else", () => {
  test.each(["driven", "native"] as const)("of a %s rotation that succeeds", async (mode) => {
    const secret = await situation(world, { mode, dependents: { api: "reload" } });
    expect(await asked(secret)).toEqual(told(...PLANNED[mode]));
  });

  test.each(["driven", "native"] as const)("of a %s rotation that is rolled back after its promotion", async (mode) => {
    const secret = await situation(world, { mode, dependents: { api: "reload" } });
    if (secret.dependents["api"] !== undefined) secret.dependents["api"].faults.refresh = 422;
    const steps = PLANNED[mode].filter(({ step }) => step !== "ConfirmEvidence");
    expect(await asked(secret)).toEqual(told(...steps, ...PLANNED_ROLLBACK));
  });
});

describe("plan", () => {
  test("says what a rotation would do, with its dependents, its readers and the statements, and changes nothing", async () => {
    const secret = await situation(world, { mode: "driven", dependents: { api: "reload" } });
    const before = { labels: await world.labels(secret), executions: (await world.executions()).length };

    const ended = await run("plan", secret.name);

    expect(ended.status).toBe(0);
    expect(ended.stdout).toContain("It would be rotated now.");
    expect(ended.stdout).toMatch(/^api +http-endpoint +strong +required +healthy/m);
    expect(ended.stdout).toMatch(/Who has read its value \(of the newest \d+ of the account, back to .*\)/);
    expect(ended.stdout).toContain("at the target: ALTER ROLE «user» PASSWORD «SCRAM verifier of the new password»");
    expect(ended.stdout).toContain(
      "secretsmanager:UpdateSecretVersionStage  AWSCURRENT from the base to the candidate",
    );
    expect({ labels: await world.labels(secret), executions: (await world.executions()).length }).toEqual(before);
  });

  test("as JSON has every call, and who reads the secret", async () => {
    const secret = await situation(world, { mode: "native", dependents: { api: "reload" } });
    await rotateOnce(world, secret);
    const document = documentOf(await run("plan", secret.name, "--output", "json"));
    expect(document).toMatchObject({
      ...{ schema: "rotor.plan/1", blocked: null, decision: { decision: "rotate" } },
      policy: { mode: "native", strategy: "postgres-single-user" },
      dependents: [{ dependent: "api", health: "healthy" }],
      readers: {
        readers: expect.arrayContaining([expect.objectContaining({ name: "rotate", times: expect.any(Number) })]),
      },
    });
    expect(document.steps).toEqual(PLANNED.native);
  });

  test("says what keeps a rotation from being made, with status 7", async () => {
    const secret = await situation(world, { mode: "driven" });
    await world.moveLabel(secret, "AWSPENDING", secret.older, undefined);
    const ended = await run("plan", secret.name);
    expect(ended.status).toBe(7);
    expect(ended.stdout).toMatch(/It would not be rotated: RotationInProgress: /);

    const unnamed = await run("plan", "rotor/heartbeat");
    expect(unnamed.status).toBe(7);
    expect(unnamed.stdout).toContain("No policy of this stage names");
  });
});
