import * as z from "zod/mini";
import { RotationError } from "../errors.ts";
import { isIdentifier, MAX_IDENTIFIER_BYTES } from "./postgres-identifiers.ts";

const DEFAULT_PORT = 5432;
const DEFAULT_DATABASE = "postgres";

const name = (field: string) =>
  z
    .string({ error: `${field} must be a text` })
    .check(z.refine(isIdentifier, `${field} must have 1 to ${MAX_IDENTIFIER_BYTES} bytes and no NUL`));

const password = z.string({ error: "password must be a text" }).check(
  z.minLength(1, "password must not be empty"),
  z.refine((text) => !text.includes("\0"), "password must not contain NUL"),
);

const host = z
  .string({ error: "host must be a text" })
  .check(z.regex(/^[^\s/\0]+$/, "host must be a host name or an address, without spaces and slashes"));

const port = z
  .union([z.number(), z.string()], { error: "port must be a number from 1 to 65535" })
  .check(
    z.refine(
      (value) => /^[1-9]\d{0,4}$/.test(String(value)) && Number(value) <= 65_535,
      "port must be a number from 1 to 65535",
    ),
  );

const ssl = z
  .union([z.boolean(), z.string()], { error: "ssl must be true or false" })
  .check(z.refine((value) => /^(true|false)$/i.test(String(value)), "ssl must be true or false"));

const masterarn = z.string({ error: "masterarn must be a text" }).check(z.minLength(1, "masterarn must not be empty"));

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
    password,
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
const administratorCredential = z.looseObject(
  {
    host: z.optional(host),
    port: z.optional(port),
    dbname: z.optional(name("dbname")),
    username: name("username"),
    password,
    ssl: z.optional(ssl),
  },
  { error: "it must be a JSON object" },
);

/** @throws RotationError ConfigurationInvalid naming the field, when the administrator's secret is malformed or for another host */
export function administratorOf(user: PostgresAlternatingCredential, secret: unknown): PostgresCredential {
  const parsed = administratorCredential.safeParse(secret);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => issue.message).join("; ");
    throw new RotationError("ConfigurationInvalid", `The secret that masterarn names is not usable: ${faults}.`);
  }
  const administrator = parsed.data;
  if (administrator.host !== undefined && !sameHost(administrator.host, user.host)) {
    throw new RotationError(
      "ConfigurationInvalid",
      `The secret that masterarn names is for the host ${administrator.host}, the user's secret for ${user.host}.`,
    );
  }
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

function sameHost(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/**
 * How AWS's rotation templates read `ssl` (secrets-manager-rotation 5.1):
 * - "require": true. TLS, with the server's certificate and host name verified.
 * - "disable": false. No TLS.
 * - "prefer": absent. TLS as above; where it cannot be had, a second attempt without. Whoever sits between can bring that
 *   downgrade about, so `"ssl": true` belongs in every secret whose server offers TLS. Ours gives way only where TLS itself
 *   failed; the templates do on any failure, a refused password included.
 */
export type TlsMode = "require" | "disable" | "prefer";

export function tlsMode(credential: PostgresCredential): TlsMode {
  if (credential.ssl === undefined) {
    return "prefer";
  }
  return String(credential.ssl).toLowerCase() === "true" ? "require" : "disable";
}
