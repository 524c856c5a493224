import { beforeAll, expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import type { PostgresAlternatingCredential } from "../../core/strategies/postgres-credential.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { queryAs, uniqueName, useDatabase } from "../support/database.ts";
import { MASTER_ARN } from "./postgres-target.ts";

const database = useDatabase();
const generate = passwordGenerator(passwordRules.parse({}));
const dbname = uniqueName("trap");
const attacker = { username: uniqueName("attacker"), password: generate() };

const context: RotationContext = {
  secretArn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf",
  versionId: "v-1",
  readSecret: async () => ({ username: database.admin.username, password: database.admin.password }),
  timeoutMs: 5000,
  policy: { openSessions: "report", administratorSecretId: MASTER_ARN },
  signal: new AbortController().signal,
};

/** Functions whose parameters fit our statements better than those of PostgreSQL's own do, so that they would be taken. */
const TRAPS = [
  ["unnest(text[])", "SETOF text", "RETURN QUERY SELECT pg_catalog.unnest($1)"],
  ["shobj_description(oid, text)", "text", `RETURN '${context.secretArn}'`],
  ["pg_describe_object(oid, oid, int)", "text", "RETURN 'trapped'"],
] as const;

beforeAll(async () => {
  await database.createRole(attacker.username, attacker.password);
  await database.query(`CREATE DATABASE ${dbname}`);
  const admin = { ...database.admin, database: dbname };
  await queryAs(admin, "GRANT CREATE ON SCHEMA public TO PUBLIC; CREATE TABLE public.trapped (who name)");
  await queryAs(admin, "GRANT INSERT ON public.trapped TO PUBLIC");
  for (const [signature, result, answer] of TRAPS) {
    await queryAs(
      { ...database, ...attacker, database: dbname },
      `CREATE FUNCTION public.${signature} RETURNS ${result} LANGUAGE plpgsql
        AS $$ BEGIN INSERT INTO public.trapped VALUES (current_user); ${answer}; END $$`,
    );
  }
});

async function trapped() {
  return queryAs({ ...database.admin, database: dbname }, "SELECT who::text FROM public.trapped");
}

async function userOf(password: string): Promise<PostgresAlternatingCredential> {
  const username = uniqueName("app");
  await database.createRole(username, password);
  await database.query(`ALTER ROLE ${username} SET work_mem = '8MB'`);
  const { host, port } = database;
  return { engine: "postgres", host, port, dbname, ssl: false, username, password, masterarn: MASTER_ARN };
}

test("nobody who may create functions can have the administrator run them", async () => {
  const base = await userOf(generate());
  const candidate = postgresAlternatingUsers.createSecret(base, generate);
  const second = postgresAlternatingUsers.createSecret(candidate, generate);

  await postgresAlternatingUsers.setSecret({ base, candidate }, context);
  await postgresAlternatingUsers.testSecret(candidate, context);
  await postgresAlternatingUsers.setSecret({ previous: base, base: candidate, candidate: second }, context);
  await postgresAlternatingUsers.testSecret(second, context);
  await postgresAlternatingUsers.sessions?.(second, context);
  await postgresAlternatingUsers.rollbackSecret({ previous: base, base: candidate, candidate: second }, context);

  expect(await trapped()).toEqual([]);
});

test("nor make it believe that a role's comment names the secret", async () => {
  const known = await userOf(generate());
  const [base, candidate] = [generate(), generate()].map((password) => ({ ...known, password })) as [
    PostgresAlternatingCredential,
    PostgresAlternatingCredential,
  ];

  await expect(postgresSingleUser.setSecret({ base, candidate }, context)).rejects.toMatchObject({
    name: "CredentialDrift",
  });

  expect(await trapped()).toEqual([]);
  expect(await postgresSingleUser.signIn(known, context)).toBe("accepted");
});
