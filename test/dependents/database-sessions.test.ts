import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { databaseSessions } from "../../core/dependents/index.ts";
import { type Policy, parsePolicies } from "../../core/policies.ts";
import { confirmDependents } from "../../core/steps/confirm-dependents.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import { testDependent } from "../contracts/dependent.ts";
import { connectAs, uniqueName, useDatabase } from "../support/database.ts";
import { type SecretStore, startSecretStore } from "./secret-store.ts";
import { startSessionsWorld } from "./sessions-world.ts";

testDependent({ kind: databaseSessions, world: startSessionsWorld, isAsked: false });

describe("a database-sessions dependent of a single user", () => {
  test("has not followed as long as one of its sessions is older; that one is named with its address", async () => {
    await using world = await startWorld("same");
    await world.signIn("base");
    await world.promote();
    await world.signIn("candidate");

    expect(await failure(world.confirm())).toMatchObject({
      name: "DependentNotReady",
      message: expect.stringContaining("one open session is older than the promotion, from 127.0.0.1"),
    });
    expect((await failure(world.confirm({ final: true }))).name).toBe("DependentUnhealthy");
  });

  test("has followed when the older session is closed", async () => {
    await using world = await startWorld("same");
    const old = await world.signIn("base");
    await world.promote();
    await world.signIn("candidate");

    await old.end();

    await vi.waitFor(async () => expect(await world.confirm()).toMatchObject([{ strength: "strong" }]), 5000);
  });

  test("has followed in spite of it where the policy has stragglers reported", async () => {
    await using world = await startWorld("same");
    await world.signIn("base");
    await world.promote();
    await world.signIn("candidate");

    expect(await world.confirm({ stragglers: "report" })).toEqual([
      {
        dependent: "orders-worker",
        strength: "strong",
        seen: expect.stringMatching(/sign in at .*; one open session is older than the promotion, from 127\.0\.0\.1$/),
      },
    ]);
  });

  test("has not followed by older sessions alone, whatever the policy wants", async () => {
    await using world = await startWorld("same");
    await world.signIn("base");
    await world.promote();

    expect((await failure(world.confirm({ stragglers: "report" }))).message).toContain(
      "only older sessions of it are open, from 127.0.0.1",
    );
  });

  test("costs one read of the secret", async () => {
    await using world = await startWorld("same");
    await world.promote();
    await world.signIn("candidate");
    await world.confirm();

    expect(world.reads()).toBe(1);
  });
});

describe("a database-sessions dependent of alternating users", () => {
  test("has followed when it is signed in as the new user, and not as the old one", async () => {
    await using world = await startWorld("clone");
    const old = await world.signIn("base");
    await world.promote();
    await old.end();
    await world.signIn("candidate");

    await vi.waitFor(async () => expect(await world.confirm()).toMatchObject([{ strength: "strong" }]), 5000);
  });

  test("has not followed as long as it is signed in as the old user, since when makes no difference", async () => {
    await using world = await startWorld("clone");
    await world.promote();
    await world.signIn("candidate");
    await world.signIn("base");
    await world.signIn("base");

    expect(await failure(world.confirm())).toMatchObject({
      name: "DependentNotReady",
      message: expect.stringContaining("2 open sessions are the user's before, from 127.0.0.1"),
    });
    expect(await world.confirm({ stragglers: "report" })).toMatchObject([{ strength: "strong" }]);
  });

  test("is not taken for another application that is signed in as the old user", async () => {
    await using world = await startWorld("clone");
    await world.promote();
    await world.signIn("candidate");
    await world.signIn("base", "another");

    expect(await world.confirm()).toMatchObject([{ strength: "strong" }]);
  });

  test("is not confirmed where nobody can ask who is signed in as the old user", async () => {
    await using world = await startWorld("clone");
    await world.promote();
    await world.signIn("candidate");
    await useDatabase().setPassword(world.store.base.credential.username, "changed by somebody else");

    expect((await failure(world.confirm())).message).toContain(
      "it could not be asked who is still signed in as the user before",
    );
  });

  test("of another kind is not looked at so closely, and the old user is not asked", async () => {
    await using world = await startWorld("clone");
    await world.promote();
    await world.signIn("candidate");
    await world.signIn("base");

    expect(await world.confirm({ kind: "http-endpoint" })).toMatchObject([{ strength: "strong" }]);
    expect(world.reads()).toBe(1);
  });
});

describe("the target of a database-sessions dependent", () => {
  test.each([[undefined], [{}], [{ stragglers: "refuse" }]])("%j refuses stragglers", (target) => {
    expect(z.parse(databaseSessions.target, target)).toEqual({ stragglers: "refuse" });
  });

  test("may have them reported", () => {
    expect(z.parse(databaseSessions.target, { stragglers: "report" })).toEqual({ stragglers: "report" });
  });

  test.each([{ stragglers: "ignore" }, { application: "orders" }, "orders"])("may not be %j", (target) => {
    expect(z.safeParse(databaseSessions.target, target).success).toBe(false);
  });
});

/** A rotation at ConfirmEvidence, and connections of one application. */
async function startWorld(user: "same" | "clone") {
  const store = await startSecretStore({ user });
  const application = uniqueName("worker");
  const strategy = user === "same" ? postgresSingleUser : postgresAlternatingUsers;
  const client = clientOf(store);
  const open: { end(): Promise<void> }[] = [];
  let since = new Date();
  return {
    store,
    promote: async () => {
      since = new Date();
      await store.set();
      await store.promote();
    },
    signIn: async (version: "base" | "candidate", as = application) => {
      const { username, password, host, port } = store[version].credential;
      const connection = await connectAs({ username, password, host, port: Number(port) }, as);
      open.push(connection);
      return connection;
    },
    reads: () => store.calls().filter(({ operation }) => operation === "GetSecretValue").length,
    confirm: ({ final = false, kind = "database-sessions", stragglers = "refuse" } = {}) =>
      confirmDependents({
        target: {
          client,
          strategy,
          secretArn: store.base.secretArn,
          token: store.candidate.versionId,
          timeoutMs: 5000,
          policy: { openSessions: "report" },
        },
        policy: policyOf(store, { kind, application, target: { stragglers } }),
        base: store.base.versionId,
        mode: "driven",
        evidence: [{ dependent: "orders-worker", strength: "weak", seen: "nobody is asked" }],
        since,
        final,
        retries: 1,
      }),
    [Symbol.asyncDispose]: async () => {
      for (const connection of open) await connection.end().catch(() => {});
      client.destroy();
      await store[Symbol.asyncDispose]();
    },
  };
}

function policyOf({ base }: SecretStore, dependent: { kind: string; application: string; target: unknown }): Policy {
  const entry = { secretId: base.secretArn, strategy: "postgres-single-user", mode: "driven" };
  const [policy] = parsePolicies([{ ...entry, dependents: [{ name: "orders-worker", ...dependent }] }]);
  if (policy === undefined) throw new Error("There is one.");
  return policy;
}

function clientOf({ environment }: SecretStore): SecretsManagerClient {
  return new SecretsManagerClient({
    endpoint: environment["AWS_ENDPOINT_URL"],
    region: environment["AWS_REGION"],
    credentials: { accessKeyId: "AKIATEST", secretAccessKey: "test" },
  });
}

async function failure(attempt: Promise<unknown>): Promise<Error> {
  return await attempt.then(
    () => new Error("It was accepted."),
    (error: Error) => error,
  );
}
