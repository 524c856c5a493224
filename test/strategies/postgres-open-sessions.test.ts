import { Client, type ClientConfig } from "pg";
import { expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import type { PostgresAlternatingCredential } from "../../core/strategies/postgres-credential.ts";
import type { RotationContext, Versions } from "../../core/strategies/strategy.ts";
import { connectAs, uniqueName, useDatabase } from "../support/database.ts";
import { createAdministrator, giveAdmin, MASTER_ARN } from "./postgres-target.ts";

const database = useDatabase();
const strategy = postgresAlternatingUsers;
const generate = passwordGenerator(passwordRules.parse({}));

/** A context that keeps what is remarked. */
function listening(openSessions: "refuse" | "report", administrator: unknown = database.admin) {
  const remarks: string[] = [];
  const context: RotationContext = {
    secretArn: "arn:secret",
    versionId: "v-2",
    readSecret: async () => administrator,
    timeoutMs: 5000,
    policy: { openSessions, administratorSecretId: MASTER_ARN },
    remark: (sentence) => remarks.push(sentence),
    signal: new AbortController().signal,
  };
  return { context, remarks };
}

/** The second rotation: it sets the first user's password anew, which no sessions but those of the test use. */
async function secondRotation(): Promise<Versions<PostgresAlternatingCredential>> {
  const { host, port } = database;
  const login = { username: uniqueName("busy"), password: generate() };
  await database.createRole(login.username, login.password);
  const previous = { engine: "postgres" as const, host, port, ssl: false, ...login, masterarn: MASTER_ARN };
  const base = strategy.createSecret(previous, generate);
  await strategy.setSecret({ base: previous, candidate: base }, listening("refuse").context);
  return { previous, base, candidate: strategy.createSecret(base, generate) };
}

async function holdOpen(credential: PostgresAlternatingCredential, ...applications: readonly string[]) {
  const login = { ...credential, port: database.port };
  const clients = await Promise.all(applications.map((application) => connectAs(login, application)));
  return { [Symbol.asyncDispose]: async () => void (await Promise.all(clients.map((client) => client.end()))) };
}

test("a password that is in use is not changed where the policy refuses, and who uses it is named", async () => {
  const versions = await secondRotation();
  const { previous = versions.base, base, candidate } = versions;
  const { context, remarks } = listening("refuse");
  await using _ = await holdOpen(previous, "nightly-export", "orders-api");

  const refused = strategy.setSecret(versions, context);

  await expect(refused).rejects.toMatchObject({
    name: "SessionsOpen",
    message: expect.stringMatching(/ has 2 sessions open: "[a-z-]+" from 127\.0\.0\.1, "[a-z-]+" from 127\.0\.0\.1\.$/),
  });
  await expect(refused).rejects.toThrow('"nightly-export" from 127.0.0.1');
  expect(remarks).toEqual([]);
  await strategy.rollbackSecret(versions, context);
  const table = [previous, base, candidate].map((each) => strategy.signIn(each, context));
  expect(await Promise.all(table)).toEqual(["accepted", "accepted", "rejected"]);
});

test("a replication client is a session, too, and a name has no part in how the message reads", async () => {
  const versions = await secondRotation();
  const { context } = listening("refuse");
  await database.query(`ALTER ROLE "${versions.candidate.username}" REPLICATION`);
  const { password = "", username } = versions.previous ?? versions.base;
  const login = { host: database.host, port: database.port, user: username, password, database: "postgres" };
  const settings = { ...login, replication: "database", application_name: 'change-capture" from 10.0.0.1, "x' };
  const client = new Client(settings as ClientConfig);
  await client.connect();

  const refused = strategy.setSecret(versions, context);

  await expect(refused).rejects.toMatchObject({
    name: "SessionsOpen",
    message: expect.stringContaining(String.raw`1 session open: "change-capture\" from 10.0.0.1, \"x" from 127.0.0.1.`),
  });
  await client.end();
});

test("it is changed once they have ended", async () => {
  const versions = await secondRotation();
  const { context } = listening("refuse");
  const held = await holdOpen(versions.previous ?? versions.base, "orders-api");
  await expect(strategy.setSecret(versions, context)).rejects.toMatchObject({ name: "SessionsOpen" });
  await held[Symbol.asyncDispose]();
  await expect.poll(() => openSessionsOf(versions.candidate.username)).toBe(0);

  await strategy.setSecret(versions, context);

  expect(await strategy.signIn(versions.candidate, context)).toBe("accepted");
});

test("where the policy wants a report, it is changed, the sessions go on, and five of them are named", async () => {
  const versions = await secondRotation();
  const { context, remarks } = listening("report");
  const names = ["one", "two", "three", "four", "five", "six", "seven"];
  await using _ = await holdOpen(versions.previous ?? versions.base, ...names);

  await strategy.setSecret(versions, context);

  expect(await strategy.signIn(versions.candidate, context)).toBe("accepted");
  expect(await openSessionsOf(versions.candidate.username)).toBe(names.length);
  expect(remarks).toEqual([
    expect.stringContaining(`"${versions.candidate.username}" had 7 sessions open, which go on: "`),
  ]);
  expect(remarks[0]?.match(/" from 127\.0\.0\.1/g)).toHaveLength(5);
  expect(remarks[0]).toMatch(/, and 2 more\.$/);
});

test("sessions of the base, of Rotor itself, and of no user to be overwritten are none of it", async () => {
  const versions = await secondRotation();
  const { context, remarks } = listening("report");
  await using _base = await holdOpen(versions.base, "orders-api");
  await using _own = await holdOpen(versions.previous ?? versions.base, "rotor");

  await strategy.setSecret(versions, context);

  expect(remarks).toEqual([]);
});

test("nobody is looked for where the password is set already", async () => {
  const versions = await secondRotation();
  await strategy.setSecret(versions, listening("refuse").context);
  const { context, remarks } = listening("refuse");
  await using _ = await holdOpen(versions.candidate, "orders-api");

  await strategy.setSecret(versions, context);

  expect(remarks).toEqual([]);
});

test("an administrator who may not see addresses names the applications all the same", async () => {
  const versions = await secondRotation();
  const admin = await createAdministrator(database);
  await giveAdmin(database, admin, versions.base, versions.candidate);
  const { context } = listening("refuse", admin);
  await using _ = await holdOpen(versions.previous ?? versions.base, "orders-api");

  await expect(strategy.setSecret(versions, context)).rejects.toMatchObject({
    name: "SessionsOpen",
    message: expect.stringContaining(
      '1 session open: "orders-api" from an address that the administrator may not see.',
    ),
  });
});

async function openSessionsOf(username: string): Promise<number> {
  const [row] = await database.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = $1", [username]);
  return Number(row?.["n"]);
}
