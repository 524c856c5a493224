import { CreateSecretCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strategyBlueprint } from "../../core/engines.ts";
import { deriveToken } from "../../core/identity.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { mariadbTarget } from "../strategies/mariadb-target.ts";
import { redisTarget } from "../strategies/redis-target.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, useMariadb } from "../support/mariadb.ts";
import { errorsLogged, executionsOf, rotationEvents } from "../support/observations.ts";
import { redisIsMissing, useRedis } from "../support/redis.ts";
import { startWeakDependent } from "../support/weak-dependent.ts";
import { type AnySecret, startWorld, type World } from "../support/world.ts";

const mariadb = useMariadb();
const redis = useRedis();
let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const SET = /^(ALTER USER|SET PASSWORD|CREATE)/i;

/** A user of a private server, and its credential. */
const ENGINES = {
  mariadb: { suffix: "-mariadb", missing: mariadbIsMissing, target: () => mariadbTarget(mariadb, { change: SET }) },
  redis: { suffix: "-redis", missing: redisIsMissing, target: () => redisTarget(redis, { by: "administrator" }) },
};

const STRATEGIES = [
  ["mariadb-single-user", "mariadb"],
  ["mariadb-alternating-users", "mariadb"],
  ["mariadb-dual", "mariadb"],
  ["redis-dual", "redis"],
] as const;

describe.each(STRATEGIES)("%s", (strategy, engine) => {
  const { suffix, missing, target } = ENGINES[engine];

  test.skipIf(missing).each(["native", "driven"] as const)(
    "a %s rotation succeeds by the functions of its engine",
    async (mode) => {
      await using one = await start(mode);
      const { secret, token } = await rotate(one, mode);

      const { execution } = await world.run(secret, token);
      expect(execution).toMatchObject({ status: "SUCCEEDED" });
      const labels = await world.labels(secret);
      expect([holderOf(labels, "AWSCURRENT"), holderOf(labels, "AWSPREVIOUS")]).toEqual([token, secret.firstVersion]);
      expect(await one.opens(token)).toBe(true);
      expect(await one.opens(secret.firstVersion)).toBe(strategy !== "mariadb-single-user");
      const called = new Set(invokedFor(secret));
      expect([...called].filter((name) => /^(gate|rotate|roll-back)/.test(name)).sort()).toEqual(
        mode === "native" ? [`gate${suffix}`, `rotate${suffix}`] : [`rotate${suffix}`],
      );
    },
  );

  test.skipIf(missing)("a rotation that its service refuses is taken back at the target, too", async () => {
    await using one = await start("driven");
    one.dependent.refuses = 422;
    const { secret, token } = await rotate(one, "driven");

    const { execution } = await world.run(secret, token);
    expect(execution).toMatchObject({ status: "FAILED", error: "RolledBack" });
    expect(holderOf(await world.labels(secret), "AWSCURRENT")).toBe(secret.firstVersion);
    expect([await one.opens(secret.firstVersion), await one.opens(token)]).toEqual([true, false]);
    expect(invokedFor(secret)).toContain(`roll-back${suffix}`);
  });

  test.skipIf(missing)("AWSCURRENT is measured by its engine's roll-back", async () => {
    await using one = await start("driven");
    const seen = world.account.calls().length;
    await world.account.lambda.invoke("reconcile", { time: new Date(world.clock.now()).toISOString(), measure: "all" });
    await world.settled();
    const asked = invocations(seen).filter(({ payload }) => payload.action === "measure");
    const own = asked.filter(({ payload }) => payload.secretArn === one.secret.arn);
    expect(own.map(({ name }) => name)).toEqual([`roll-back${suffix}`]);
    expect(world.incidents().filter(({ secret }) => secret?.arn === one.secret.arn)).toEqual([]);
  });

  async function start(mode: "native" | "driven") {
    const user = await target().user();
    const admin = JSON.stringify(await user.readSecret("the administrator's"));
    const created = await world.client.send(
      new CreateSecretCommand({ Name: uniqueName("test/admin"), SecretString: admin }),
    );
    let secret: AnySecret | undefined;
    const dependent = await startWeakDependent("orders", () => secret?.firstVersion ?? "");
    const value = { ...user.current, masterarn: created.ARN };
    const hasAdministrator = strategyBlueprint(strategy)?.administrator !== "never";
    secret = await world.add(value, {
      ...{ strategy, mode, dependents: [dependent.policy] },
      ...(hasAdministrator ? { administratorSecretId: created.ARN ?? "" } : {}),
    });
    const { arn } = secret;
    return {
      secret,
      dependent,
      async opens(versionId: string): Promise<boolean> {
        const read = await world.client.send(new GetSecretValueCommand({ SecretId: arn, VersionId: versionId }));
        const session = await user.open(JSON.parse(read.SecretString ?? ""), "test").catch(() => undefined);
        await session?.[Symbol.asyncDispose]();
        return session !== undefined;
      },
      async [Symbol.asyncDispose]() {
        dependent[Symbol.dispose]();
        await user[Symbol.asyncDispose]();
      },
    };
  }

  async function rotate({ secret }: { readonly secret: AnySecret }, mode: "native" | "driven") {
    if (mode === "native") return { secret, token: await world.rotate(secret) };
    await world.request(secret);
    return { secret, token: deriveToken(secret.arn, secret.firstVersion, 1) };
  }
});

test("a random value is rotated by the functions that are always there, and its base goes on being accepted", async () => {
  const secret = await world.add(
    { format: "token", value: "first-value-of-a-signing-key" },
    { strategy: "random-value" },
  );
  const token = await world.rotate(secret);

  expect((await world.run(secret, token)).execution.status).toBe("SUCCEEDED");
  const read = await world.client.send(new GetSecretValueCommand({ SecretId: secret.arn, VersionId: token }));
  const { value } = JSON.parse(read.SecretString ?? "") as { value: string };
  expect(value).toHaveLength(32);
  expect(new Set(invokedFor(secret).filter((name) => /^(gate|rotate)/.test(name)))).toEqual(
    new Set(["gate", "rotate"]),
  );
});

describe.each([
  ["native", {}],
  ["driven", {}],
  // Digits alone are JSON, too.
  ["native", { length: 40, excludeLowercase: true, excludeUppercase: true, uriSafe: true }],
] as const)("a bare text, in mode %s with the rules %j,", (mode, password) => {
  test("is followed by another, and that by the next, both as they stand", async () => {
    const first = "first-value-of-a-bare-token\n";
    const secret = await world.add(first, { strategy: "random-text", mode, password });
    const values = [first.trim()];
    for (let rotation = 0; rotation < 2; rotation += 1) {
      const base = holderOf(await world.labels(secret), "AWSCURRENT") ?? "";
      const token = mode === "native" ? await world.rotate(secret) : deriveToken(secret.arn, base, 1);
      if (mode === "driven") await world.request(secret);

      expect((await world.run(secret, token)).execution.status).toBe("SUCCEEDED");
      const labels = await world.labels(secret);
      expect([holderOf(labels, "AWSCURRENT"), holderOf(labels, "AWSPREVIOUS")]).toEqual([token, base]);
      const read = await world.client.send(new GetSecretValueCommand({ SecretId: secret.arn }));
      values.push(read.SecretString ?? "");
    }

    const shape = "length" in password ? /^\d{40}$/ : /^[A-Za-z0-9]{32}$/;
    expect(values.slice(1)).toEqual([expect.stringMatching(shape), expect.stringMatching(shape)]);
    expect(new Set(values).size).toBe(3);
    expect(new Set(invokedFor(secret).filter((name) => /^(gate|rotate)/.test(name)))).toEqual(
      new Set(mode === "native" ? ["gate", "rotate"] : ["rotate"]),
    );
  });
});

test("a bare text that its service refuses is taken back, and the one before it is in force again", async () => {
  const dependent = await startWeakDependent("orders", () => secret.firstVersion);
  using _ = dependent;
  dependent.refuses = 422;
  const policy = { strategy: "random-text", mode: "driven" as const, dependents: [dependent.policy] };
  const secret: AnySecret = await world.add("first-value-of-a-bare-token", policy);
  await world.request(secret);

  const token = deriveToken(secret.arn, secret.firstVersion, 1);
  expect((await world.run(secret, token)).execution).toMatchObject({ status: "FAILED", error: "RolledBack" });
  expect(await world.labels(secret)).toEqual({
    [secret.firstVersion]: ["AWSCURRENT"],
    [token]: ["ROTATION_ROLLED_BACK"],
  });
});

test.each(["native", "driven"] as const)(
  "a JSON object is never replaced by a bare text: rejected in mode %s, in words, and left as it is",
  async (mode) => {
    const secret = await world.add({ token: "first-value-of-a-token" }, { strategy: "random-text", mode });
    if (mode === "driven") await world.request(secret);
    const token = mode === "native" ? await world.rotate(secret) : deriveToken(secret.arn, secret.firstVersion, 1);

    // Native: the gate may refuse before an event has started one.
    for (const name of await executionsOf(world, secret)) expect(name).toContain(token);
    if (mode === "driven") expect((await world.run(secret, token)).execution.error).toBe("RotationRejected");
    else expect(rotationEvents(world, secret)).toContain("RotationFailed");
    const by = mode === "native" ? "gate" : "rotate";
    expect(errorsLogged(world, by, secret)).toEqual([
      expect.stringContaining("The secret looks like JSON, which a bare text would replace"),
    ]);
    expect(await world.labels(secret)).toEqual({ [secret.firstVersion]: ["AWSCURRENT"] });
  },
);

test("the gate of another engine refuses a secret in words, and leaves nothing behind", async () => {
  await using user = await ENGINES.mariadb.target().user();
  const secret = await world.add(user.current, { strategy: "mariadb-single-user" });
  const token = await world.rotate({ ...secret, gate: "gate-redis" });

  for (const name of await executionsOf(world, secret)) expect(name).toContain(token);
  expect(rotationEvents(world, secret)).toContain("RotationFailed");
  expect(errorsLogged(world, "gate-redis", secret)).toEqual([
    expect.stringContaining('strategy "mariadb-single-user" is for mariadb, and this function for redis'),
  ]);
  expect(await world.labels(secret)).toEqual({ [secret.firstVersion]: ["AWSCURRENT"] });
});

interface Invocation {
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

function invocations(from = 0): readonly Invocation[] {
  return world.account
    .calls()
    .slice(from)
    .filter(({ operation }) => operation === "Invoke")
    .map(({ input }) => {
      const { FunctionName, Payload } = input as { FunctionName: string; Payload: Record<string, unknown> };
      return { name: FunctionName.split(":").at(-1) ?? "", payload: Payload };
    });
}

/** The functions that were invoked for a secret, with repetitions. */
function invokedFor(secret: AnySecret): readonly string[] {
  return invocations()
    .filter(({ payload }) => [payload["SecretId"], payload["secretArn"]].includes(secret.arn))
    .map(({ name }) => name);
}
