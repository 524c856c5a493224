import * as z from "zod/mini";
import { RotationError } from "../errors.ts";
import { host, masterarn, parseAdministrator, port, sameHost, ssl } from "./credential-fields.ts";

const DEFAULT_PORT = 6379;

/** What the server takes of one argument before it knows who is speaking (networking.c, unauthenticated clients). */
const MAX_BYTES = 16_384;

const fits = (text: string) => Buffer.byteLength(text) <= MAX_BYTES;

const USERNAME = `username must have 1 to ${MAX_BYTES} bytes, no space, no NUL and no unpaired surrogate`;

const username = z.string({ error: "username must be a text" }).check(
  // Half a surrogate pair would be sent as U+FFFD, and so be another name.
  z.regex(/^[^\0\t\n\v\f\r \p{Surrogate}]+$/u, USERNAME),
  z.refine(fits, USERNAME),
);

const password = z
  .string({ error: "password must be a text" })
  .check(z.minLength(1, "password must not be empty"), z.refine(fits, "password must have at most 16384 bytes"));

/**
 * The SecretString of a Redis or Valkey user. AWS documents none for a server that is not ElastiCache's; these are the names that
 * it gives the same things elsewhere ("JSON structure of AWS Secrets Manager secrets"). `port` is 6379 where absent, and `ssl` is
 * true. Parsing changes nothing, and keys that are not named here are kept. Messages name the field, never its value.
 */
export const redisCredential = z.looseObject(
  {
    engine: z.optional(z.enum(["redis", "valkey"], { error: 'engine must be "redis" or "valkey"' })),
    host,
    port: z.optional(port),
    username: username.check(
      z.refine(
        (name) => name !== "default",
        'username must not be "default", the user of every connection that has not signed in: give the service a user of its own',
      ),
    ),
    password,
    masterarn: z.optional(masterarn),
    ssl: z.optional(ssl),
  },
  { error: "the secret must be a JSON object" },
);
export type RedisCredential = z.infer<typeof redisCredential>;

/** Who signs in where. An administrator may be the user "default". */
export type RedisLogin = Pick<RedisCredential, "host" | "port" | "username" | "password" | "ssl">;

/**
 * The administrator's secret behind `masterarn`. AUTH sends the password itself, so where it goes, and whether in clear, is not the
 * user's secret to say: what is absent but the port has its default.
 */
export const administratorCredential = z.looseObject(
  { host, port: z.optional(port), username, password, ssl: z.optional(ssl) },
  { error: "it must be a JSON object" },
);

/** @throws RotationError ConfigurationInvalid naming the field, when the administrator's secret is malformed or for another server */
export function administratorOf(user: RedisCredential, secret: unknown): RedisLogin {
  const { host, port, username, password, ssl } = parseAdministrator(administratorCredential, secret);
  const administrator = { host, port: port ?? user.port, username, password, ssl };
  if (!sameServer(administrator, user)) {
    const [theirs, ours] = [addressOf(administrator), addressOf(user)];
    throw new RotationError(
      "ConfigurationInvalid",
      `The secret that masterarn names is for ${theirs.host}:${theirs.port}, the user's secret for ${ours.host}:${ours.port}.`,
    );
  }
  return administrator;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export function addressOf({ host, port }: Pick<RedisLogin, "host" | "port">): Address {
  return { host, port: Number(port ?? DEFAULT_PORT) };
}

/** Whether both are for one user of one server, reached and administered in the same way. */
export function sameUser(one: RedisCredential, other: RedisCredential): boolean {
  return (
    one.username === other.username &&
    one.masterarn === other.masterarn &&
    usesTls(one) === usesTls(other) &&
    sameServer(one, other)
  );
}

/**
 * With TLS the server's certificate and host name are verified. AUTH sends the password itself, so there is no second attempt
 * without TLS, which whoever sits between could bring about: only `false` says that there is none.
 */
export function usesTls({ ssl }: Pick<RedisLogin, "ssl">): boolean {
  return String(ssl ?? true).toLowerCase() === "true";
}

function sameServer(one: Pick<RedisLogin, "host" | "port">, other: Pick<RedisLogin, "host" | "port">): boolean {
  const [a, b] = [addressOf(one), addressOf(other)];
  return sameHost(a.host, b.host) && a.port === b.port;
}
