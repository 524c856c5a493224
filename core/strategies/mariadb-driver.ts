import { create as createDomain } from "node:domain";
import { isIP, Socket } from "node:net";
import { checkServerIdentity, createSecureContext, type PeerCertificate } from "node:tls";
import type { Connection as DriverConnection } from "mariadb";
import { isRetryable } from "../errors.ts";
import { tlsMode } from "./credential-fields.ts";
import { addressOf, type MariadbCredential } from "./mariadb-credential.ts";
import { type Attempt, errorNumberOf, isTlsFailure, offersNoTls, toRotationError } from "./mariadb-errors.ts";
import type { RotationContext } from "./strategy.ts";

/** How our own sessions call themselves: `program_name` among the connection attributes. */
const APPLICATION_NAME = "rotor";

/** How long the server may take to close the connection after us, in milliseconds. */
const CLOSE_MS = 1000;

/** Ways to sign in that do not show the password: to nobody, or only within TLS to a server that was verified. */
const SIGN_INS = ["mysql_native_password", "client_ed25519", "parsec", "caching_sha2_password", "sha256_password"];

/** Those that show it to nobody. */
const PROOFS = ["mysql_native_password", "client_ed25519", "parsec"];

/** Values as text; what is NULL is "". */
export type Row = readonly string[];

export interface MariadbSession {
  /** Whether what is sent is encrypted, and for the right one to read. */
  readonly isEncrypted: boolean;
  /** @throws RotationError as the table in mariadb-errors.ts says */
  query(text: string): Promise<readonly Row[]>;
}

export interface Connection extends MariadbSession {
  end(): Promise<void>;
}

export interface Context extends Pick<RotationContext, "timeoutMs" | "signal" | "versionId"> {
  /** Only ways to sign in that show the password to nobody, not even to a server that was verified. */
  readonly proofsOnly?: boolean;
}

/**
 * Signs in, with TLS or without as the credential says. `context.timeoutMs` bounds the sign-in and each statement (ms).
 * @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid (no such database; no TLS that can be
 * verified, also where the server refuses without TLS what it accepts within)
 */
export async function connect(credential: MariadbCredential, context: Context): Promise<Connection> {
  const mode = tlsMode(credential);
  const attempt: Attempt = { ...addressOf(credential), versionId: context.versionId, isSignedIn: false };
  let tlsFailure: unknown;
  try {
    return await open(credential, context, attempt, mode === "disable" ? "none" : "verified");
  } catch (error) {
    if (mode !== "prefer" || !isTlsFailure(error)) {
      throw toRotationError(error, attempt);
    }
    tlsFailure = error;
  }
  try {
    return await open(credential, context, attempt, "none");
  } catch (error) {
    const refused = toRotationError(error, attempt);
    const isOpen = refused.name === "CredentialRejected" && !offersNoTls(tlsFailure);
    throw isOpen && (await opensUnverified(credential, context, attempt))
      ? toRotationError(tlsFailure, attempt)
      : refused;
  }
}

/**
 * Whether TLS is all that a refused credential lacks: MariaDB refuses an account that requires TLS as it refuses a wrong password. Shows
 * no more of the password than the attempt without TLS did.
 * @throws RotationError TargetUnavailable where that stays open
 */
async function opensUnverified(credential: MariadbCredential, context: Context, attempt: Attempt): Promise<boolean> {
  try {
    await (await open(credential, context, attempt, "unverified")).end();
    return true;
  } catch (error) {
    const why = toRotationError(error, attempt);
    if (isRetryable(why)) throw why;
    return false;
  }
}

// --- the driver ---

async function open(
  credential: MariadbCredential,
  context: Context,
  attempt: Attempt,
  tls: "verified" | "unverified" | "none",
): Promise<Connection> {
  const { createConnection } = await import("mariadb");
  const socket = new Socket();
  const options = {
    host: attempt.host,
    port: attempt.port,
    user: credential.username,
    password: credential.password,
    ...(credential.dbname !== undefined && { database: credential.dbname }),
    ssl: tls === "none" ? false : tls === "verified" ? tlsOptions(attempt.host) : { rejectUnauthorized: false },
    restrictedAuth: tls === "unverified" || context.proofsOnly ? PROOFS : SIGN_INS,
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
    isEncrypted: tls === "verified",
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
