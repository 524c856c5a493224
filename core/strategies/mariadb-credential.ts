import * as z from "zod/mini";
import { RotationError } from "../errors.ts";
import { isUsername, MAX_USERNAME_MARIADB, MAX_USERNAME_MYSQL } from "./mariadb-identifiers.ts";

const DEFAULT_PORT = 3306;

const MAX_DATABASE_CHARACTERS = 64;

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

const password = z.string({ error: "password must be a text" }).check(
  z.minLength(1, "password must not be empty"),
  z.refine((text) => !text.includes("\0"), "password must not contain NUL"),
);

const masterarn = z.string({ error: "masterarn must be a text" }).check(z.minLength(1, "masterarn must not be empty"));

const ssl = z
  .union([z.boolean(), z.string()], { error: "ssl must be true or false" })
  .check(z.refine((value) => /^(true|false)$/i.test(String(value)), "ssl must be true or false"));

const fields = {
  host,
  port: z.optional(port),
  dbname: z.optional(dbname),
  username,
  password,
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
const administratorCredential = z.looseObject(
  { host: z.optional(host), port: z.optional(port), username, password, ssl: z.optional(ssl) },
  { error: "it must be a JSON object" },
);

/** @throws RotationError ConfigurationInvalid naming the field, when the administrator's secret is malformed or for another host */
export function administratorOf(user: MariadbCredential, secret: unknown): MariadbCredential {
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

export function tlsMode(credential: MariadbCredential): TlsMode {
  if (credential.ssl === undefined) {
    return "prefer";
  }
  return String(credential.ssl).toLowerCase() === "true" ? "require" : "disable";
}
