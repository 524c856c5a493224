import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, createConnection } from "mariadb";
import { afterAll, beforeAll } from "vitest";
import { quoteAccount, quoteText } from "../../core/strategies/mariadb-identifiers.ts";
import { authenticationBy } from "../../core/strategies/mariadb-passwords.ts";
import { freePort, HOST } from "../../local/database-port.ts";

/** Debian has its servers where only the administrator looks. */
const PATH = `${process.env["PATH"]}:/usr/sbin`;

const START_MS = 60_000;
const ATTEMPTS = 5;

/** What a server's files take, generously. */
const NEEDED_BYTES = 1 << 29;

const isThere = spawnSync("mariadbd", ["--version"], { env: { PATH } }).status === 0;

/** Why what needs a server is left out; undefined where it is not. Where engines are required, a missing one is an error. */
export const mariadbIsMissing =
  !isThere && process.env["REQUIRE_ENGINES"] !== "1" ? "not run: there is no mariadbd" : undefined;
if (mariadbIsMissing) console.info(`MariaDB: ${mariadbIsMissing}`);

/** Adds to a suite's name why it is left out. */
export function named(name: string): string {
  return mariadbIsMissing ? `${name} (${mariadbIsMissing})` : name;
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface MariadbOptions {
  /** Options of mariadbd besides ours, and stronger: "--log-bin". */
  readonly options?: readonly string[];
}

/** A server of our own on 127.0.0.1, with every statement in its general log. */
export interface TestMariadb extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  /** May do everything. */
  readonly admin: Login;
  /** One statement as the administrator, in a connection that stays. Rows by column names. */
  query(text: string): Promise<readonly Record<string, unknown>[]>;
  /** The same in a connection of its own, as anybody. */
  queryAs(login: Login, text: string): Promise<readonly Record<string, unknown>[]>;
  /** Makes an account with one password. No password in plain is sent. `options` is SQL, such as REQUIRE SSL. */
  createUser(
    username: string,
    password: string,
    rest?: { host?: string; plugin?: string; options?: string },
  ): Promise<void>;
  /** Drops all accounts of this user name, if there are any. */
  dropUser(username: string): Promise<void>;
  /** What SHOW CREATE USER says of the account. */
  show(username: string, host?: string): Promise<string>;
  /** What SHOW GRANTS says of the account, with "COPY" for its name, and columns in alphabetical order. */
  grants(username: string, host?: string): Promise<readonly string[]>;
  /** Opens a connection; the caller ends it. */
  connect(login: Login, application?: string): Promise<Connection>;
  /** Every statement that the server has received so far. */
  generalLog(): Promise<string>;
  /** All files of the server that statements may get into: logs of every kind. */
  everyLog(): Promise<string>;
}

/** One server for all tests of a file. */
export function useMariadb(options: MariadbOptions = {}): TestMariadb {
  let running: TestMariadb | undefined;
  beforeAll(async () => {
    if (!mariadbIsMissing) running = await startMariadb(options);
  });
  afterAll(() => running?.[Symbol.asyncDispose]());
  return new Proxy({} as TestMariadb, {
    get: (_, member: keyof TestMariadb) => {
      if (running === undefined) throw new Error("The server has not been started.");
      return running[member];
    },
  });
}

export async function startMariadb({ options = [] }: MariadbOptions = {}): Promise<TestMariadb> {
  if (!isThere) throw new Error("There is no mariadbd on this machine.");
  const admin = { username: "administrator", password: randomBytes(24).toString("base64url") };
  for (let attempt = 1; ; attempt += 1) {
    const directory = await mkdtemp(join(await roomyDirectory(), "rotor-mariadb-"));
    await mkdir(join(directory, "logs"));
    const { stored } = authenticationBy("mysql_native_password", admin.password);
    await writeFile(
      join(directory, "init.sql"),
      `CREATE USER ${admin.username} IDENTIFIED VIA mysql_native_password USING '${stored}';
GRANT ALL ON *.* TO ${admin.username} WITH GRANT OPTION;
DELETE FROM mysql.global_priv WHERE User IN ('', 'root');
FLUSH PRIVILEGES;
`,
    );
    const port = await freePort();
    const server = launch(directory, port, options);
    const connection = await untilReady(directory, port, admin);
    if (connection) return describe({ server, connection, directory, port, admin });
    const logs = await everyLog(join(directory, "logs"));
    await end(server);
    if (attempt === ATTEMPTS) throw new Error(`The server does not start: ${logs.slice(-2000)}`);
  }
}

// --- internal ---

/** In memory where that is possible: making the system's tables writes to disk some hundred times. */
async function roomyDirectory(): Promise<string> {
  const { bavail, bsize } = await statfs("/dev/shm").catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize > NEEDED_BYTES ? "/dev/shm" : tmpdir();
}

/**
 * The server ends with our process, however that ends, and its files go: standard input is a pipe whose other end only we hold. A server
 * that ends by itself is told of by the file `ended`, and leaves its logs until then.
 */
const SUPERVISOR = `
home=$1
shift
exec 3<&0 </dev/null
{
  mariadb-install-db --no-defaults "$@" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve \\
    >"$home/logs/install.log" 2>&1 3<&- || exit 1
  exec mariadbd --no-defaults "$@" --init-file="$home/init.sql" --skip-name-resolve --bind-address=${HOST} \\
    --socket="$home/server.sock" --pid-file="$home/server.pid" --log-error="$home/logs/error.log" \\
    --general-log --general-log-file="$home/logs/general.log" 3<&-
} &
server=$!
{
  read -r _ <&3
  kill -s KILL "$server"
} 2>/dev/null &
watcher=$!
exec 3<&-
wait "$server"
touch "$home/ended"
wait "$watcher"
cd /
rm -rf "$home"
`;

function launch(directory: string, port: number, options: readonly string[]): ChildProcess {
  const common = [
    `--datadir=${join(directory, "data")}`,
    // Refused to root unless it is told so.
    ...(process.getuid?.() === 0 ? ["--user=root"] : []),
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
    `--port=${port}`,
    ...options.map((option) => option.replaceAll("$logs", join(directory, "logs"))),
  ];
  const server = spawn("/bin/sh", ["-c", SUPERVISOR, "sh", directory, ...common], {
    cwd: directory,
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH, LC_ALL: "C", TZ: "UTC" },
  });
  server.stdin?.on("error", () => {});
  return server;
}

/** @returns undefined when the server has ended at once, as it does when somebody else has taken the port */
async function untilReady(directory: string, port: number, login: Login): Promise<Connection | undefined> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && !existsSync(join(directory, "ended"))) {
    try {
      return await connect(port, login, "test");
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return undefined;
}

async function everyLog(directory: string): Promise<string> {
  const files = await readdir(directory).catch(() => []);
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), "latin1").catch(() => "")));
  return texts.join("\n");
}

async function end(server: ChildProcess): Promise<void> {
  const ended = server.exitCode === null && server.signalCode === null ? once(server, "exit") : undefined;
  server.stdin?.end();
  await ended;
}

async function connect(port: number, { username, password }: Login, application: string): Promise<Connection> {
  const connection = await createConnection({
    host: HOST,
    port,
    user: username,
    password,
    ssl: false,
    connectTimeout: 5000,
    collation: "UTF8MB4_UNICODE_CI",
    connectAttributes: { program_name: application },
  });
  connection.on("error", () => {});
  return connection;
}

function describe(facts: {
  server: ChildProcess;
  connection: Connection;
  readonly directory: string;
  readonly port: number;
  readonly admin: Login;
}): TestMariadb {
  const { connection, directory, port, admin } = facts;
  const logs = join(directory, "logs");
  const rows = async (on: Connection, text: string) => {
    const result: unknown = await on.query(text);
    return Array.isArray(result) ? (result as Record<string, unknown>[]) : [];
  };
  const mariadb: TestMariadb = {
    host: HOST,
    port,
    directory,
    admin,
    query: (text) => rows(connection, text),
    queryAs: async (login, text) => {
      const own = await connect(port, login, "test");
      try {
        return await rows(own, text);
      } finally {
        await own.end();
      }
    },
    createUser: async (user, password, { host = "%", plugin = "mysql_native_password", options = "" } = {}) => {
      const { stored } = authenticationBy(plugin, password);
      const identified = `IDENTIFIED VIA ${plugin} USING ${quoteText(stored)}`;
      await mariadb.query(`CREATE USER ${quoteAccount({ user, host })} ${identified} ${options}`);
    },
    dropUser: async (user) => {
      const accounts = await mariadb.query(`SELECT Host FROM mysql.global_priv WHERE User = ${quoteText(user)}`);
      for (const { Host } of accounts) {
        await mariadb.query(`DROP USER ${quoteAccount({ user, host: String(Host) })}`);
      }
    },
    show: async (user, host = "%") => {
      const [row = {}] = await mariadb.query(`SHOW CREATE USER ${quoteAccount({ user, host })}`);
      return String(Object.values(row)[0]);
    },
    grants: async (user, host = "%") => {
      const account = quoteAccount({ user, host });
      const shown = await mariadb.query(`SHOW GRANTS FOR ${account}`);
      return shown.map((row) =>
        String(Object.values(row)[0])
          .replace(account, "COPY")
          .replace(/ IDENTIFIED .*?'[^']*'/, "")
          .replace(/\((.*?)\)/g, (_, columns: string) => `(${columns.split(", ").sort().join(", ")})`),
      );
    },
    connect: (login, application = "test") => connect(port, login, application),
    generalLog: () => readFile(join(logs, "general.log"), "utf8"),
    everyLog: () => everyLog(logs),
    [Symbol.asyncDispose]: async () => {
      await connection.end().catch(() => {});
      await end(facts.server);
    },
  };
  return mariadb;
}
