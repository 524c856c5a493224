import { Socket } from "node:net";
import { RotationError } from "../errors.ts";
import { accepted } from "./accepted.ts";
import { tlsMode } from "./credential-fields.ts";
import { addressOf, type PostgresCredential } from "./postgres-credential.ts";
import { type Attempt, isTlsFailure, toRotationError } from "./postgres-errors.ts";
import type { RotationContext, SignIn } from "./strategy.ts";

/** How our own sessions call themselves. */
export const APPLICATION_NAME = "rotor";

/** How long the server may take to close the connection after us, in milliseconds. */
const CLOSE_MS = 1000;

/** Older servers would take a SCRAM verifier for the password itself. */
const FIRST_VERSION_WITH_SCRAM = 100_000;

export type Row = Readonly<Record<string, unknown>>;

export interface PostgresSession {
  /** @throws RotationError as the table in postgres-errors.ts says */
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

export type Context = Pick<RotationContext, "timeoutMs" | "signal" | "versionId"> & {
  /** Nobody vouches for the host: who asks there for the password in clear text does not get it. */
  readonly refuseClearText?: boolean;
};

/**
 * Runs `work` in a session of its own, which is ended afterwards in every case. `context.timeoutMs` bounds the sign-in and
 * each statement (ms); `context.signal` closes the socket at once.
 * @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid (TLS, no such database)
 */
export async function withSession<T>(
  credential: PostgresCredential,
  context: Context,
  work: (session: PostgresSession) => Promise<T>,
): Promise<T> {
  const connection = await connect(credential, context);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

/**
 * As withSession, for work that changes roles. The server gives up before we do, so that nothing of ours can land after we
 * have called it failed: lock_timeout <= statement_timeout < our own wait.
 * @throws RotationError also TargetUnavailable when a standby answers: after a failover, the name may point to the old primary for
 * a while, so asking again may help. ConfigurationInvalid for PostgreSQL 9 and older.
 */
export async function withWritableSession<T>(
  credential: PostgresCredential,
  context: Context,
  work: (session: PostgresSession) => Promise<T>,
): Promise<T> {
  return withSession(credential, context, async (session) => {
    const { lockTimeoutMs, statementTimeoutMs } = serverTimeouts(context.timeoutMs);
    const [server] = await session.query(
      `SELECT pg_catalog.set_config('lock_timeout', $1, false), pg_catalog.set_config('statement_timeout', $2, false),
        pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.current_setting('server_version_num')::int AS version`,
      [`${lockTimeoutMs}ms`, `${statementTimeoutMs}ms`],
    );
    const { host, port } = addressOf(credential);
    if (server?.["standby"] !== false) {
      throw new RotationError(
        "TargetUnavailable",
        `PostgreSQL at ${host}:${port} is a standby: roles are changed on the primary.`,
      );
    }
    if (Number(server["version"]) < FIRST_VERSION_WITH_SCRAM) {
      throw new RotationError(
        "ConfigurationInvalid",
        `PostgreSQL at ${host}:${port} is older than 10: it has no SCRAM-SHA-256.`,
      );
    }
    return work(session);
  });
}

/** The limits given to the server, in milliseconds, for a client that waits `timeoutMs`. */
export function serverTimeouts(timeoutMs: number): { lockTimeoutMs: number; statementTimeoutMs: number } {
  return {
    lockTimeoutMs: Math.max(1, Math.floor(timeoutMs * 0.5)),
    statementTimeoutMs: Math.max(1, Math.floor(timeoutMs * 0.8)),
  };
}

/**
 * One sign-in, nothing else.
 * @returns whether the credential was accepted
 * @throws RotationError for everything that leaves this open: TargetUnavailable, AccessDenied, ConfigurationInvalid
 */
export async function isAccepted(credential: PostgresCredential, context: Context): Promise<boolean> {
  return accepted(withSession(credential, context, async () => {}));
}

/** One sign-in for the truth table. AccessDenied (no right to connect to the database) keeps the door closed, too. */
export async function signIn(credential: PostgresCredential, context: Context): Promise<SignIn> {
  try {
    return (await isAccepted(credential, context)) ? "accepted" : "rejected";
  } catch (error) {
    return error instanceof RotationError && error.name === "AccessDenied" ? "rejected" : "unreachable";
  }
}

// --- one connection ---

interface Connection extends PostgresSession {
  end(): Promise<void>;
}

async function connect(credential: PostgresCredential, context: Context): Promise<Connection> {
  const mode = tlsMode(credential);
  const { host, port } = addressOf(credential);
  const attempt: Attempt = { host, port, versionId: context.versionId };
  try {
    return await open(credential, context, attempt, mode !== "disable");
  } catch (error) {
    if (mode !== "prefer" || !isTlsFailure(error)) {
      throw toRotationError(error, attempt);
    }
  }
  try {
    return await open(credential, context, attempt, false);
  } catch (error) {
    throw toRotationError(error, attempt);
  }
}

async function open(
  credential: PostgresCredential,
  context: Context,
  attempt: Attempt,
  tls: boolean,
): Promise<Connection> {
  const { Client } = await import("pg");
  const socket = new Socket();
  const client = new Client({
    host: attempt.host,
    port: attempt.port,
    database: addressOf(credential).database,
    user: credential.username,
    password: credential.password,
    application_name: APPLICATION_NAME,
    // The trusted authorities are the process's own: NODE_EXTRA_CA_CERTS adds those of Amazon RDS.
    ssl: tls ? { rejectUnauthorized: true } : false,
    stream: () => socket,
  });
  if (context.refuseClearText || (!tls && tlsMode(credential) === "prefer")) {
    // Whoever brought the downgrade about, or wrote the host, must not be handed the password for the asking. SCRAM does not show it.
    client.connection.on("authenticationCleartextPassword", () => socket.destroy());
  }
  // A connection that breaks between two statements is noticed by the next statement.
  client.on("error", () => {});
  const bounded = <T>(work: () => Promise<T>) => withinTime(work, socket, context);

  const end = async () => {
    const closed = new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once("close", () => resolve())));
    const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
    void client.end().catch(() => socket.destroy());
    await closed;
    clearTimeout(timer);
  };

  try {
    await bounded(() => client.connect());
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return {
    end,
    query: async (text, values) => {
      try {
        const result = await bounded(() => client.query(text, values && [...values]));
        return result.rows;
      } catch (error) {
        throw toRotationError(error, attempt);
      }
    },
  };
}

/** Closes the socket, which fails `work`, when the time is over or the signal aborts. */
async function withinTime<T>(work: () => Promise<T>, socket: Socket, { timeoutMs, signal }: Context): Promise<T> {
  const stop = () => socket.destroy();
  const timer = setTimeout(stop, timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) {
      stop();
      throw new Error("stopped");
    }
    return await work();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
