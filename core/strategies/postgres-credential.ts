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
import { isIdentifier, MAX_IDENTIFIER_BYTES } from "./postgres-identifiers.ts";

const DEFAULT_PORT = 5432;
const DEFAULT_DATABASE = "postgres";

const name = (field: string) =>
  z
    .string({ error: `${field} must be a text` })
    .check(
      z.refine(isIdentifier, `${field} must have 1 to ${MAX_IDENTIFIER_BYTES} bytes, no NUL and no unpaired surrogate`),
    );

/**
 * The SecretString of a PostgreSQL secret, as AWS documents it ("JSON structure of AWS Secrets Manager secrets", Amazon RDS
 * PostgreSQL and Amazon Aurora PostgreSQL). `port` is 5432 and `dbname` is "postgres" where absent. `ssl` is not on that page,
 * but AWS's rotation templates obey it: see `tlsMode`. Parsing changes nothing, and keys that are not named here are kept.
 * Messages name the field, never its value.
 */
export const postgresCredential = z.looseObject(
  {
    engine: z.enum(["postgres", "aurora-postgresql"], { error: 'engine must be "postgres" or "aurora-postgresql"' }),
    host,
    port: z.optional(port),
    dbname: z.optional(name("dbname")),
    username: name("username"),
    password: databasePassword,
    masterarn: z.optional(masterarn),
    ssl: z.optional(ssl),
  },
  { error: "the secret must be a JSON object" },
);
export type PostgresCredential = z.infer<typeof postgresCredential>;

/** What alternating users needs besides: the secret of a user who may create and change roles. */
export const postgresAlternatingCredential = z.extend(postgresCredential, { masterarn });
export type PostgresAlternatingCredential = z.infer<typeof postgresAlternatingCredential>;

/**
 * The administrator's secret behind `masterarn`. The ones that Amazon RDS manages hold nothing but username and password;
 * what is absent is taken from the user's own secret.
 */
export const administratorCredential = z.looseObject(
  {
    host: z.optional(host),
    port: z.optional(port),
    dbname: z.optional(name("dbname")),
    username: name("username"),
    password: databasePassword,
    ssl: z.optional(ssl),
  },
  { error: "it must be a JSON object" },
);

/** @throws RotationError ConfigurationInvalid naming the field, when the administrator's secret is malformed or for another host */
export function administratorOf(user: PostgresAlternatingCredential, secret: unknown): PostgresCredential {
  const administrator = parseAdministrator(administratorCredential, secret);
  checkAdministratorsHost(administrator.host, user.host);
  return {
    engine: user.engine,
    host: user.host,
    port: administrator.port ?? user.port,
    dbname: administrator.dbname ?? user.dbname,
    username: administrator.username,
    password: administrator.password,
    ssl: administrator.ssl ?? user.ssl,
  };
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

export function addressOf(credential: PostgresCredential): Address {
  return {
    host: credential.host,
    port: Number(credential.port ?? DEFAULT_PORT),
    database: credential.dbname ?? DEFAULT_DATABASE,
  };
}

/** Whether both are for one database of one server. Host names are compared as DNS does, without regard to case. */
export function sameDatabase(one: PostgresCredential, other: PostgresCredential): boolean {
  const [a, b] = [addressOf(one), addressOf(other)];
  return sameHost(a.host, b.host) && a.port === b.port && a.database === b.database;
}
