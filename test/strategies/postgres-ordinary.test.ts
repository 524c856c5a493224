import { expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import type { PostgresAlternatingCredential } from "../../core/strategies/postgres-credential.ts";
import type { RotationContext, Versions } from "../../core/strategies/strategy.ts";
import { queryAs, uniqueName, useDatabase } from "../support/database.ts";
import { createAdministrator, giveAdmin, MASTER_ARN } from "./postgres-target.ts";

const database = useDatabase();
const strategy = postgresAlternatingUsers;
const generate = passwordGenerator(passwordRules.parse({}));

/** What installations of some years have: memberships, a database of its own, partitions, and what its administrators ran. */
async function installation() {
  const administrator = await createAdministrator(database);
  const login = { username: uniqueName("years"), password: generate() };
  const { username: original } = login;
  const [dbname, group, admins, iam] = ["db", "readers", "like_rds_superuser", "like_rds_iam"].map(uniqueName);
  await database.createRole(original, login.password, "CONNECTION LIMIT 50 VALID UNTIL '2099-01-01'");
  await giveAdmin(database, administrator, login);
  await database.query(`CREATE ROLE ${group}; CREATE ROLE ${admins} CREATEDB CREATEROLE; CREATE ROLE ${iam}`);
  await database.query(`GRANT pg_monitor TO ${admins}; GRANT pg_signal_backend TO ${admins} WITH ADMIN OPTION`);
  await database.query(`GRANT ${admins}, ${iam}, ${group}, pg_read_all_settings TO ${original}`);
  await database.query(`CREATE DATABASE ${dbname} OWNER ${original}`);
  await database.query(`ALTER ROLE ${original} SET search_path = app, "$user", public`);
  await database.query(`ALTER ROLE ${original} IN DATABASE ${dbname} SET statement_timeout = '30s'`);
  const at = { ...database, database: dbname };
  const as = (credential: { username: string; password: string }, text: string) =>
    queryAs({ ...at, username: credential.username, password: credential.password }, text);
  await as(
    login,
    `CREATE SCHEMA app; CREATE TABLE app.events (id bigint GENERATED ALWAYS AS IDENTITY, day int) PARTITION BY RANGE (day);
    ${[1, 2, 3].map((n) => `CREATE TABLE app.events_${n} PARTITION OF app.events FOR VALUES FROM (${n}) TO (${n + 1})`).join(";")};
    CREATE TABLE app.orders (id serial PRIMARY KEY, note text); CREATE VIEW app.notes AS SELECT note FROM app.orders;
    CREATE FUNCTION app.one() RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT lo_create(0);
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA app TO ${group}`,
  );
  await queryAs({ ...database.admin, database: dbname }, `GRANT SELECT ON pg_catalog.pg_statistic TO ${group}`);
  const { host, port } = database;
  const base = { engine: "postgres" as const, host, port, dbname, ssl: false, ...login, masterarn: MASTER_ARN };
  const context: RotationContext = {
    secretArn: "arn:secret",
    versionId: "v-1",
    readSecret: async () => administrator,
    timeoutMs: 5000,
    policy: { openSessions: "refuse", administratorSecretId: MASTER_ARN },
    signal: new AbortController().signal,
  };
  return { base, context, administrator, as, dbname };
}

/** As AWS's template makes the second user. */
async function cloneOfTemplate({ base, administrator }: Awaited<ReturnType<typeof installation>>) {
  const clone = `${base.username}_clone`;
  await queryAs(
    { ...database, ...administrator },
    `CREATE ROLE ${clone} WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:AAAA$AAAA:AAAA'; GRANT ${base.username} TO ${clone}`,
  );
}

test.each([
  ["the clone is made by Rotor", false],
  ["the clone was made by AWS's template", true],
])(
  "an installation of some years is rotated, turn after turn, by an administrator with CREATEROLE: %s",
  async (_, made) => {
    const all = await installation();
    if (made) await cloneOfTemplate(all);
    let turn: Versions<PostgresAlternatingCredential> = {
      base: all.base,
      candidate: strategy.createSecret(all.base, generate),
    };

    for (const n of [1, 2, 3, 4]) {
      const context = { ...all.context, versionId: `v-${n}` };
      await strategy.setSecret(turn, context);
      await strategy.testSecret(turn.candidate, context);
      await all.as(
        turn.candidate,
        `CREATE TEMPORARY TABLE passing (id serial); INSERT INTO orders (note) VALUES ('${n}'); INSERT INTO events (day) VALUES (1);
      ALTER TABLE orders ADD COLUMN of_turn_${n} int; SELECT app.one()`,
      );
      turn = { previous: turn.base, base: turn.candidate, candidate: strategy.createSecret(turn.candidate, generate) };
    }

    await strategy.rollbackSecret(turn, { ...all.context, versionId: "v-5" });
    expect(await strategy.signIn(turn.base, all.context)).toBe("accepted");
  },
);
