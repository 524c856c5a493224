import * as z from "zod/mini";
import {
  checkAdministratorsHost,
  databasePassword,
  host,
  masterarn,
  parseAdministrator,
  port,
  sameHost,
  ssl,
} from "./credential-fields.ts";
import { isUsername, MAX_USERNAME_MARIADB, MAX_USERNAME_MYSQL } from "./mariadb-identifiers.ts";

const DEFAULT_PORT = 3306;

const MAX_DATABASE_CHARACTERS = 64;

const dbname = z
  .string({ error: "dbname must be a text" })
  .check(
    z.refine(
      (name) => name.length >= 1 && name.length <= MAX_DATABASE_CHARACTERS && !name.includes("\0"),
      `dbname must have 1 to ${MAX_DATABASE_CHARACTERS} characters and no NUL`,
    ),
  );

const username = z
  .string({ error: "username must be a text" })
  .check(
    z.refine(
      (name) => isUsername(name),
      `username must have 1 to ${MAX_USERNAME_MARIADB} characters (MySQL: ${MAX_USERNAME_MYSQL}), none of them NUL or beyond ` +
        "U+FFFF, and no space at its end",
    ),
  );

const fields = {
  host,
  port: z.optional(port),
  dbname: z.optional(dbname),
  username,
  password: databasePassword,
  masterarn: z.optional(masterarn),
  ssl: z.optional(ssl),
};

/**
 * The SecretString of a MariaDB or MySQL secret, as AWS documents it ("JSON structure of AWS Secrets Manager secrets", Amazon RDS
 * MariaDB, Amazon RDS MySQL and Amazon Aurora MySQL). `port` is 3306 where absent; without `dbname` no database is selected. `ssl` is
 * not on that page, but AWS's rotation templates obey it: see `tlsMode`. Which of both the server is, it says itself. Parsing changes
 * nothing, and keys that are not named here are kept. Messages name the field, never its value.
 */
export const mariadbCredential = z.looseObject(
  {
    engine: z.enum(["mariadb", "mysql", "aurora-mysql"], {
      error: 'engine must be "mariadb", "mysql" or "aurora-mysql"',
    }),
    ...fields,
  },
  { error: "the secret must be a JSON object" },
);
export type MariadbCredential = z.infer<typeof mariadbCredential>;

/** What alternating users needs besides: the secret of a user who may create and change users. */
export const mariadbAlternatingCredential = z.extend(mariadbCredential, { masterarn });
export type MariadbAlternatingCredential = z.infer<typeof mariadbAlternatingCredential>;

/** Two passwords of one user are MariaDB's: MySQL does it otherwise. */
export const mariadbDualCredential = z.looseObject(
  { engine: z.enum(["mariadb"], { error: 'engine must be "mariadb"' }), ...fields },
  { error: "the secret must be a JSON object" },
);
export type MariadbDualCredential = z.infer<typeof mariadbDualCredential>;

/**
 * The administrator's secret behind `masterarn`. The ones that Amazon RDS manages hold nothing but username and password;
 * what is absent is taken from the user's own secret.
 */
export const administratorCredential = z.looseObject(
  { host: z.optional(host), port: z.optional(port), username, password: databasePassword, ssl: z.optional(ssl) },
  { error: "it must be a JSON object" },
);

/** @throws RotationError ConfigurationInvalid naming the field, when the administrator's secret is malformed or for another host */
export function administratorOf(user: MariadbCredential, secret: unknown): MariadbCredential {
  const administrator = parseAdministrator(administratorCredential, secret);
  checkAdministratorsHost(administrator.host, user.host);
  return {
    engine: user.engine,
    host: user.host,
    port: administrator.port ?? user.port,
    username: administrator.username,
    password: administrator.password,
    ssl: administrator.ssl ?? user.ssl,
  };
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export function addressOf({ host, port }: MariadbCredential): Address {
  return { host, port: Number(port ?? DEFAULT_PORT) };
}

/** Whether both are for one database of one server. Host names are compared as DNS does, without regard to case. */
export function sameDatabase(one: MariadbCredential, other: MariadbCredential): boolean {
  const [a, b] = [addressOf(one), addressOf(other)];
  return sameHost(a.host, b.host) && a.port === b.port && one.dbname === other.dbname;
}

/** Whether both are for one user of one database. */
export function sameLogin(one: MariadbCredential, other: MariadbCredential): boolean {
  return one.username === other.username && sameDatabase(one, other);
}
