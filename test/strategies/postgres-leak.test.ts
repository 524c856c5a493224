import { expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { connectAs, uniqueName, useDatabase } from "../support/database.ts";
import { leakScanner } from "../support/leak-scanner.ts";

const database = useDatabase();
const generate = passwordGenerator(passwordRules.parse({}));

const context: RotationContext = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: async () => ({ username: database.admin.username, password: database.admin.password }),
  timeoutMs: 5000,
  policy: { openSessions: "report", administratorSecretId: "arn:admin" },
  signal: new AbortController().signal,
};

function credentialOf(username: string, password: string) {
  const { host, port } = database;
  return { engine: "postgres" as const, host, port, username, password, masterarn: "arn:admin" };
}

/** None of the passwords, in any form, is in what the server has logged, which is every statement. */
async function expectNoLeak(...credentials: readonly { readonly password: string }[]): Promise<void> {
  const log = await database.log();
  expect(log).toContain("SCRAM-SHA-256$4096:");
  expect(leakScanner([...credentials, database.admin].map(({ password }) => password))(log)).toEqual([]);
}

test.each([
  ["postgres-single-user, by the user itself", postgresSingleUser, { masterarn: undefined }],
  ["postgres-single-user, by an administrator", postgresSingleUser, {}],
  ["postgres-alternating-users", postgresAlternatingUsers, {}],
] as const)("the server's log, which has every statement, has no password: %s", async (_, strategy, rest) => {
  const base = { ...credentialOf(uniqueName("leak"), generate()), ...rest } as ReturnType<typeof credentialOf>;
  await database.createRole(base.username, base.password);
  const candidate = strategy.createSecret(base, generate) as typeof base;

  await strategy.setSecret({ base, candidate }, context);
  await strategy.testSecret(candidate, context);
  await strategy.sessions?.(candidate, context);
  await strategy.rollbackSecret({ base, candidate }, context);
  await strategy.rollbackSecret({ base, candidate }, context);

  expect(await database.log()).toContain(`"${candidate.username}"`);
  await expectNoLeak(base, candidate);
});

test("nor where nobody knew the password, and an administrator sets it and the base's anew", async () => {
  const base = credentialOf(uniqueName("leak"), generate());
  await database.createRole(base.username, generate());
  await database.query(`COMMENT ON ROLE "${base.username}" IS '${context.secretArn}'`);
  const candidate = postgresSingleUser.createSecret(base, generate) as typeof base;

  await postgresSingleUser.setSecret({ base, candidate }, context);
  await database.setPassword(base.username, generate());
  await postgresSingleUser.rollbackSecret({ base, candidate }, context);

  expect(await postgresSingleUser.signIn(base, context)).toBe("accepted");
  await expectNoLeak(base, candidate);
});

test("nor where sessions are open, the owner is shared, privileges are missing, and the version before is set again", async () => {
  const previous = credentialOf(uniqueName("leak"), generate());
  await database.createRole(previous.username, previous.password);
  const said: string[] = [];
  const policy = { openSessions: "report", sharedOwner: true, administratorSecretId: "arn:admin" } as const;
  const all = { ...context, policy, remark: (sentence: string) => said.push(sentence) };
  const base = postgresAlternatingUsers.createSecret(previous, generate);
  await postgresAlternatingUsers.setSecret({ base: previous, candidate: base }, all);
  const held = await connectAs(previous, "orders-api");
  const candidate = postgresAlternatingUsers.createSecret(base, generate);
  const versions = { previous, base, candidate };
  await database.query(`CREATE SCHEMA s_${previous.username} AUTHORIZATION "${base.username}"`);

  const refused = { ...all, policy: { ...policy, openSessions: "refuse" } } as const;
  const errors = [await failure(postgresAlternatingUsers.setSecret(versions, refused))];
  await postgresAlternatingUsers.setSecret(versions, all);
  errors.push(await failure(postgresAlternatingUsers.testSecret(candidate, all)));
  await postgresAlternatingUsers.rollbackSecret(versions, all);
  await held.end();

  expect(errors.map(({ name }) => name)).toEqual(["SessionsOpen", "AccessDenied"]);
  expect(said).toHaveLength(1);
  for (const { password } of Object.values(versions)) {
    for (const text of [...said, ...errors.map(({ message }) => message)]) expect(text).not.toContain(password);
  }
  await expectNoLeak(previous, base, candidate);
});

test.each([
  ["the user's own", { masterarn: undefined }],
  ["an administrator's", {}],
])("a statement that fails is logged, too, and has no password: %s", async (_, rest) => {
  const base = { ...credentialOf(uniqueName("leak"), generate()), ...rest };
  await database.createRole(base.username, base.password);
  const administrator = { username: uniqueName("leak_admin"), password: generate() };
  await database.createRole(administrator.username, administrator.password, "SUPERUSER");
  for (const { username } of [base, administrator]) {
    await database.query(`ALTER ROLE "${username}" SET default_transaction_read_only = on`);
  }
  const candidate = postgresSingleUser.createSecret(base, generate);

  await expect(
    postgresSingleUser.setSecret({ base, candidate }, { ...context, readSecret: async () => administrator }),
  ).rejects.toMatchObject({ name: "TargetUnavailable" });

  const log = await database.log();
  expect(log).toMatch(new RegExp(`ERROR: .*\\n.*STATEMENT: +ALTER ROLE "${base.username}" PASSWORD 'SCRAM-SHA-256`));
  await expectNoLeak(base, candidate, administrator);
});

async function failure(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => new Error("was expected to fail, and did not"),
    (error: Error) => error,
  );
}
