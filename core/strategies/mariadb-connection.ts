<<<<<<< HEAD
import { create as createDomain } from "node:domain";
import { isIP, Socket } from "node:net";
import { checkServerIdentity, createSecureContext, type PeerCertificate } from "node:tls";
import { createConnection, type Connection as DriverConnection } from "mariadb";
import { RotationError } from "../errors.ts";
import { addressOf, type MariadbCredential, tlsMode } from "./mariadb-credential.ts";
import { type Attempt, errorNumberOf, isTlsFailure, toRotationError } from "./mariadb-errors.ts";
import type { RotationContext, SignIn } from "./strategy.ts";

/** How our own sessions call themselves: `program_name` among the connection attributes. */
const APPLICATION_NAME = "rotor";

/** How long the server may take to close the connection after us, in milliseconds. */
const CLOSE_MS = 1000;
=======
import { RotationError } from "../errors.ts";
import { addressOf, type MariadbCredential } from "./mariadb-credential.ts";
import { type Context, connect, type MariadbSession } from "./mariadb-driver.ts";
import type { SignIn } from "./strategy.ts";
>>>>>>> mariadb

/** Of MariaDB, the first with several authentications per account. */
const FIRST_MARIADB = [10, 4, 0];

/** Of MySQL, the first that shows and takes a salt with any bytes. */
const FIRST_MYSQL = [8, 0, 17];

<<<<<<< HEAD
/** Ways to sign in that do not show the password: to nobody, or only within TLS to a server that was verified. */
const SIGN_INS = ["mysql_native_password", "client_ed25519", "parsec", "caching_sha2_password", "sha256_password"];

/** Values as text; what is NULL is "". */
export type Row = readonly string[];

export interface MariadbSession {
  /** Whether what is sent is encrypted. */
  readonly isEncrypted: boolean;
  /** @throws RotationError as the table in mariadb-errors.ts says */
  query(text: string): Promise<readonly Row[]>;
}

=======
>>>>>>> mariadb
export interface WritableSession extends MariadbSession {
  /** What the server is, as it says itself. */
  readonly dialect: "mariadb" | "mysql";
}

<<<<<<< HEAD
type Context = Pick<RotationContext, "timeoutMs" | "signal" | "versionId">;

=======
>>>>>>> mariadb
/**
 * Runs `work` in a session of its own, which is ended afterwards in every case. `context.timeoutMs` bounds the sign-in and
 * each statement (ms); `context.signal` closes the socket at once.
 * @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid (TLS, no such database)
 */
export async function withSession<T>(
  credential: MariadbCredential,
  context: Context,
  work: (session: MariadbSession) => Promise<T>,
): Promise<T> {
  const connection = await connect(credential, context);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

/**
 * As withSession, for work that changes accounts. MariaDB gives up before we do, so that nothing of ours can land after we have called
 * it failed: lock_wait_timeout <= max_statement_time < our own wait. MySQL knows no limit for such statements but the first.
 * @throws RotationError also TargetUnavailable when a replica answers: after a failover, the name may point to the old primary for
 * a while, so asking again may help. ConfigurationInvalid for MariaDB before 10.4, MySQL before 8.0.17, and where the server took us for
 * somebody else, as it does with anonymous accounts and proxies.
 */
export async function withWritableSession<T>(
  credential: MariadbCredential,
  context: Context,
  work: (session: WritableSession) => Promise<T>,
): Promise<T> {
  return withSession(credential, context, async (session) => {
    const [[version = "", readOnly = "", innodbReadOnly = "", account = ""] = []] = await session.query(
      "SELECT VERSION(), @@global.read_only, @@global.innodb_read_only, CURRENT_USER()",
    );
    const { host, port } = addressOf(credential);
    const refuse = (name: "ConfigurationInvalid" | "TargetUnavailable", fact: string) =>
      new RotationError(name, `MariaDB at ${host}:${port} ${fact}; version ${context.versionId}.`);
    const dialect = version.includes("MariaDB") ? "mariadb" : "mysql";
    if (isBefore(version, dialect === "mariadb" ? FIRST_MARIADB : FIRST_MYSQL)) {
      throw refuse("ConfigurationInvalid", "is older than MariaDB 10.4, or than MySQL 8.0.17");
    }
    if (![readOnly, innodbReadOnly].every((value) => /^(0|OFF)$/.test(value))) {
      throw refuse("TargetUnavailable", "is read-only: users are changed on the primary");
    }
    if (account.slice(0, account.lastIndexOf("@")) !== credential.username) {
      throw refuse("ConfigurationInvalid", "has signed the user in as somebody else: an anonymous account, or a proxy");
    }
    const { lockWaitSeconds, statementSeconds } = serverTimeouts(context.timeoutMs);
    await session.query(
      dialect === "mariadb"
        ? // Without that mode, GRANT to an account that is gone would make one that needs no password.
          `SET SESSION sql_mode = 'NO_AUTO_CREATE_USER', lock_wait_timeout = ${lockWaitSeconds}, max_statement_time = ${statementSeconds}`
        : `SET SESSION sql_mode = '', lock_wait_timeout = ${Math.max(1, lockWaitSeconds)}, print_identified_with_as_hex = ON`,
    );
    return work({ ...session, dialect });
  });
}

/** The limits given to the server, for a client that waits `timeoutMs`. That for locks is in whole seconds, and 0 is not to wait. */
export function serverTimeouts(timeoutMs: number): { lockWaitSeconds: number; statementSeconds: number } {
  return {
    lockWaitSeconds: Math.floor((timeoutMs * 0.5) / 1000),
    statementSeconds: Math.max(1, Math.floor(timeoutMs * 0.8)) / 1000,
  };
}

/**
 * One sign-in, nothing else.
 * @returns whether the credential was accepted
 * @throws RotationError for everything that leaves this open: TargetUnavailable, AccessDenied, ConfigurationInvalid
 */
export async function isAccepted(credential: MariadbCredential, context: Context): Promise<boolean> {
  try {
    await withSession(credential, context, async () => {});
    return true;
  } catch (error) {
    if (error instanceof RotationError && error.name === "CredentialRejected") {
      return false;
    }
    throw error;
  }
}

/** As isAccepted, but AccessDenied (a locked account, no right to the database) is a plain no: it keeps the door closed. */
export async function opensDoor(credential: MariadbCredential, context: Context): Promise<boolean> {
  try {
    return await isAccepted(credential, context);
  } catch (error) {
    if (error instanceof RotationError && error.name === "AccessDenied") {
      return false;
    }
    throw error;
  }
}

/** One sign-in for the truth table. */
export async function signIn(credential: MariadbCredential, context: Context): Promise<SignIn> {
  try {
    return (await opensDoor(credential, context)) ? "accepted" : "rejected";
  } catch {
    return "unreachable";
  }
}

// There is no `sessions` for these strategies. The process list tells since when a session does what it does (TIME), and nothing tells
// since when it exists: an old session of a pool, a second after its last statement, would pass for one that has just signed in.

/** Signs in and reads. @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid */
export async function testSecret(credential: MariadbCredential, context: Context): Promise<void> {
  await withSession(credential, context, async (session) => {
    await session.query("START TRANSACTION READ ONLY");
    await session.query("SELECT 1");
    await session.query("COMMIT");
  });
}

<<<<<<< HEAD
// --- one connection ---

interface Connection extends MariadbSession {
  end(): Promise<void>;
}

async function connect(credential: MariadbCredential, context: Context): Promise<Connection> {
  const mode = tlsMode(credential);
  const attempt: Attempt = { ...addressOf(credential), versionId: context.versionId, isSignedIn: false };
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
  credential: MariadbCredential,
  context: Context,
  attempt: Attempt,
  tls: boolean,
): Promise<Connection> {
  const socket = new Socket();
  const options = {
    host: attempt.host,
    port: attempt.port,
    user: credential.username,
    password: credential.password,
    ...(credential.dbname !== undefined && { database: credential.dbname }),
    ssl: tls ? tlsOptions(attempt.host) : false,
    restrictedAuth: SIGN_INS,
    // A server could ask us to go, with the credential, to any other.
    permitRedirect: false,
    // Known to the handshake, so that no statement sets it.
    collation: "UTF8MB4_UNICODE_CI",
    connectAttributes: { program_name: APPLICATION_NAME },
    rowsAsArray: true,
    // The time is ours to keep, and warnings are not for the log.
    connectTimeout: 0,
    logger: { warning: () => {} },
    stream: (done: (error: undefined, stream: Socket) => void) => {
      socket.setNoDelay(true);
      done(undefined, socket);
      socket.connect(attempt.port, attempt.host);
    },
  };
  // What is no MariaDB, and a connection that ends within the TLS handshake, make the driver throw where nobody but a domain can
  // catch it: the process would end.
  const [guard, broken] = [createDomain(), new AbortController()];
  guard.on("error", () => broken.abort());
  const signal = AbortSignal.any([context.signal, broken.signal]);
  const bounded = <T>(work: () => Promise<T>) => withinTime(work, socket, { ...context, signal });
  const client = await bounded(() => guard.run(() => createConnection(options))).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  // A connection that breaks between two statements is noticed by the next statement.
  client.on("error", () => {});
  return {
    isEncrypted: tls,
    end: async () => {
      let timer: NodeJS.Timeout | undefined;
      const closed = new Promise<void>((resolve) => {
        if (socket.destroyed) resolve();
        socket.once("close", () => resolve());
        timer = setTimeout(resolve, CLOSE_MS);
      });
      void client.end().catch(() => socket.destroy());
      await closed;
      clearTimeout(timer);
      socket.destroy();
    },
    query: async (text) => {
      try {
        return await bounded(() => rowsOf(client, text));
      } catch (error) {
        const isVague = errorNumberOf(error) === FAILED_FOR_ACCOUNT;
        const cause = isVague ? await bounded(() => causeOf(client)).catch(() => undefined) : undefined;
        throw toRotationError(cause ?? error, { ...attempt, isSignedIn: true });
      }
    },
  };
}

async function rowsOf(client: DriverConnection, text: string): Promise<readonly Row[]> {
  const rows: unknown = await client.query(text);
  return Array.isArray(rows) ? rows.map((row: unknown[]) => row.map((value) => String(value ?? ""))) : [];
}

/** ER_CANNOT_USER, "Operation ALTER USER failed for ...": why, is said separately. */
const FAILED_FOR_ACCOUNT = 1396;

async function causeOf(client: DriverConnection): Promise<{ readonly errno: number } | undefined> {
  const errors = await rowsOf(client, "SHOW ERRORS");
  const errno = errors.map(([, number]) => Number(number)).find((number) => number !== FAILED_FOR_ACCOUNT);
  return errno === undefined ? undefined : { errno };
}

/**
 * The trusted authorities are the process's own: NODE_EXTRA_CA_CERTS adds those of Amazon RDS. The driver must not do without them:
 * where no `ca` is given it would go on with a certificate that nobody vouches for, and look at the host name only after the sign-in.
 */
function tlsOptions(host: string): object {
  return {
    rejectUnauthorized: true,
    ca: [],
    secureContext: createSecureContext(),
    ...(isIP(host) === 0 && { servername: host }),
    checkServerIdentity: (_name: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
  };
}

/** Ends the wait and closes the socket when the time is over or the signal aborts. The driver may not notice; nobody asks it then. */
async function withinTime<T>(work: () => Promise<T>, socket: Socket, { timeoutMs, signal }: Context): Promise<T> {
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      socket.destroy();
      reject(new Error("stopped"));
    };
  });
  const timer = setTimeout(stop, timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) {
      stop();
      return await stopped;
    }
    return await Promise.race([work(), stopped]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

=======
>>>>>>> mariadb
function isBefore(version: string, first: readonly number[]): boolean {
  const numbers = (/^\d+(\.\d+)*/.exec(version)?.[0] ?? "").split(".").map(Number);
  const index = first.findIndex((number, position) => number !== numbers[position]);
  return index !== -1 && (numbers[index] ?? 0) < (first[index] ?? 0);
}
