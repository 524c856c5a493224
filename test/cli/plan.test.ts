import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PlannedStep } from "../../cli/planned-calls.ts";
import { AwsError } from "../../local/services/service.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const FUNCTIONS = ["dispatch", "plan", "rotate", "gate", "dependents", "roll-back", "notify"];

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** "<function> <action> [<label>] [of another secret]", each once: what the functions have asked AWS for. */
async function asked(secret: Situation): Promise<readonly string[]> {
  const since = world.account.calls().length;
  await world.request(secret);
  const made = world.account
    .calls()
    .slice(since)
    .flatMap(({ service, operation, caller, input }) => {
      if (caller === undefined || !FUNCTIONS.includes(caller)) return [];
      const { VersionStage: label, SecretId: id = secret.arn } = Object(input) as Readonly<Record<string, string>>;
      const action = operation === "Invoke" ? "lambda:InvokeFunction" : `${service}:${operation}`;
      const of = id === secret.arn || id === secret.name ? [] : ["of another secret"];
      return [[caller, action, ...(label === undefined ? [] : [label]), ...of].join(" ")];
    });
  return [...new Set(made)].sort();
}

function told(...steps: readonly PlannedStep[]): readonly string[] {
  const all = steps.flatMap(({ by, calls }) =>
    calls.map(({ action, on }) =>
      [
        ...[by, action],
        ...(action.endsWith("VersionStage") ? [on.split(" ")[0]] : []),
        ...(on.startsWith("the administrator's secret") ? ["of another secret"] : []),
      ].join(" "),
    ),
  );
  return [...new Set(all)].sort();
}

/** What is told of it. A native one is set up before: from then on it is asked for as `rotor rotate` does. */
async function planOf(secret: Situation): Promise<{ steps: readonly PlannedStep[]; rollback: readonly PlannedStep[] }> {
  if (secret.mode === "native") await world.rotate(secret);
  return documentOf(await run("plan", secret.name, "--output", "json"));
}

/** A secret that is used by an ECS service. The account has none: Plan refuses, and what it would do is told all the same. */
async function withEcsService(): Promise<{ readonly secretId: string }> {
  const target = { cluster: "production", service: "orders" };
  const dependents = [{ name: "worker", kind: "ecs-service", target, evidence: "weak" as const }];
  const { name } = await world.add(
    { username: "app", password: "none" },
    { mode: "driven", strategy: "postgres-single-user", soakSeconds: 60, dependents },
  );
  return { secretId: name };
}

const KINDS = [
  ["driven", false],
  ["native", false],
  ["driven", true],
] as const;

describe("what plan tells is what a rotation asks AWS for, and nothing else", () => {
  test.each(KINDS)("of a %s rotation that succeeds (alternating users: %s)", async (mode, alternating) => {
    const secret = await situation(world, { mode, alternating, dependents: { api: "reload" } });
    const { steps } = await planOf(secret);
    expect(await asked(secret)).toEqual(told(...steps));
  });

  test.each(KINDS)(
    "of a %s rotation that is rolled back after its promotion (alternating users: %s)",
    async (mode, alternating) => {
      const secret = await situation(world, { mode, alternating, dependents: { api: "reload" } });
      const { steps, rollback } = await planOf(secret);
      if (secret.dependents["api"] !== undefined) secret.dependents["api"].faults.refresh = 422;
      const before = steps.filter(({ step }) => step !== "ConfirmEvidence");
      expect(await asked(secret)).toEqual(told(...before, ...rollback));
    },
  );
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
      readers: { readers: [{ name: "local", times: expect.any(Number) }], endedBy: null },
    });
    expect(document.steps.map(({ step }: PlannedStep) => step)).toContain("setSecret, of Secrets Manager");
  });

  test("tells what dependents are asked, and what that calls on AWS: a forced deployment of a service in production is among it", async () => {
    const { secretId } = await withEcsService();
    const { steps, rollback } = documentOf(await run("plan", secretId, "--output", "json"));
    const service = "arn:aws:ecs:us-east-1:123456789012:service/production/orders: dependent worker";
    const callsIn = (all: readonly PlannedStep[], name: string, by = "dependents") =>
      all.find(({ step, by: who }) => step === name && who === by);

    for (const step of [callsIn(steps, "ConvergeDependents"), callsIn(rollback, "RestoreDependents")]) {
      expect(step?.asks).toEqual(["worker (ecs-service): refresh, verify"]);
      expect(step?.calls).toContainEqual({ action: "ecs:UpdateService", on: service });
    }
    const looks = callsIn(steps, "VerifyAfterSoak");
    expect(looks?.calls.map(({ action }) => action)).toEqual([
      "ecs:DescribeServices",
      "ecs:ListTasks",
      "ecs:DescribeTasks",
    ]);
    expect(callsIn(steps, "Plan")?.calls.map(({ action }) => action)).not.toContain("ecs:UpdateService");
    expect((await run("plan", secretId)).stdout).toContain("asks worker (ecs-service): refresh, verify");
  });

  test("that cannot ask Plan says so with status 254, and not that the secret would not be rotated", async () => {
    const secret = await situation(world, { mode: "driven" });
    using _ = world.account.intercept(({ operation, input, caller }) => {
      const { FunctionName = "", Payload } = Object(input) as { FunctionName?: string; Payload?: unknown };
      const isAsked = operation === "Invoke" && caller === undefined && FunctionName.endsWith(":plan");
      if (isAsked && JSON.stringify(Payload).includes("rotation"))
        throw new AwsError("TooManyRequestsException", "", 429);
    });
    const ended = await run("plan", secret.name);
    expect(ended.stderr).toMatch(/rotor: Throttled: lambda:Invoke of .*:plan/);
    expect([ended.status, ended.stdout]).toEqual([254, ""]);
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
