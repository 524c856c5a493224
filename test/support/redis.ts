import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { passwordHash } from "../../core/strategies/redis-acl.ts";
import { freePort, HOST } from "../../local/database-port.ts";

const START_MS = 10_000;
const ATTEMPTS = 5;

/** The server of this machine: Redis, or else Valkey. */
const PROGRAM = ["redis-server", "valkey-server"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** Why what needs a server is left out; undefined where it is not. Where engines are required, a missing one is an error. */
export const redisIsMissing =
  PROGRAM === undefined && process.env["REQUIRE_ENGINES"] !== "1" ? "not run: there is no redis-server" : undefined;
if (redisIsMissing) console.info(`Redis: ${redisIsMissing}`);

/** Adds to a suite's name why it is left out. */
export function named(name: string): string {
  return redisIsMissing ? `${name} (${redisIsMissing})` : name;
}

export interface RedisOptions {
  /** Lines of redis.conf besides ours, and stronger. */
  readonly settings?: readonly string[];
  /** Where users are kept. "acl-file" (default), "config-file" or "nowhere". */
  readonly users?: "acl-file" | "config-file" | "nowhere";
}

/** A server of our own on 127.0.0.1, whose user "default" is the administrator. */
export interface TestRedis extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  readonly admin: { readonly username: string; readonly password: string };
  /** One command as the administrator, in a connection that stays. */
  call(...command: readonly string[]): Promise<unknown>;
  /** Makes a user with one password. No password in plain is sent. */
  createUser(username: string, password: string, ...rules: readonly string[]): Promise<void>;
  /** SHA-256 of the user's passwords, in the server's order. */
  hashesOf(username: string): Promise<readonly string[]>;
  /** Opens a connection under a name, as a service does. */
  open(login: { readonly username: string; readonly password: string }, name: string): Promise<AsyncDisposable>;
  /** What the server has logged so far. */
  log(): Promise<string>;
  /** Ends the server, without saving anything, and starts it again from its files. */
  restart(): Promise<void>;
}

/** One server for all tests of a file. */
export function useRedis(options: RedisOptions = {}): TestRedis {
  let running: TestRedis | undefined;
  beforeAll(async () => {
    if (!redisIsMissing) running = await startRedis(options);
  });
  afterAll(() => running?.[Symbol.asyncDispose]());
  return new Proxy({} as TestRedis, {
    get: (_, member: keyof TestRedis) => {
      if (running === undefined) throw new Error("The server has not been started.");
      return running[member];
    },
  });
}

export async function startRedis({ settings = [], users = "acl-file" }: RedisOptions = {}): Promise<TestRedis> {
  if (PROGRAM === undefined) throw new Error("There is no redis-server or valkey-server on this machine.");
  const directory = await mkdtemp(join(tmpdir(), "rotor-redis-"));
  const admin = { username: "default", password: "administrator-of-this-test" };
  const user = `user default on #${passwordHash(admin.password)} ~* &* +@all`;
  const file = join(directory, "redis.conf");
  if (users === "acl-file") await writeFile(join(directory, "users.acl"), `${user}\n`);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const lines = [
      `port ${port}`,
      `bind ${HOST}`,
      `dir ${directory}`,
      `logfile ${join(directory, "server.log")}`,
      'save ""',
      users === "acl-file" ? `aclfile ${join(directory, "users.acl")}` : user,
      ...settings,
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    const command = users === "nowhere" ? lines.flatMap(flagOf) : [file];
    const server = await launch(command, directory, { port, admin });
    if (server !== undefined) return describe({ server, command, directory, port, admin });
    if (attempt === ATTEMPTS) {
      throw new Error(`The server does not start: ${await readFile(join(directory, "server.log"), "utf8")}`);
    }
  }
}

// --- internal ---

interface Facts {
  readonly port: number;
  readonly admin: TestRedis["admin"];
}

/** `save ""` as `--save ""`. */
function flagOf(line: string): readonly string[] {
  const [name = "", ...values] = line.split(" ");
  return [`--${name}`, ...values.map((value) => (value === '""' ? "" : value))];
}

/** The server ends with our process, however that ends: standard input is a pipe whose other end only we hold. */
const SUPERVISOR = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{
  read -r _ <&3
  kill -s KILL "$server"
} 2>/dev/null &
watcher=$!
exec 3<&-
wait "$server"
kill "$watcher" 2>/dev/null
`;

/** @returns undefined when the server has ended at once, as it does when somebody else has taken the port */
async function launch(command: readonly string[], cwd: string, facts: Facts): Promise<ChildProcess | undefined> {
  const server = spawn("/bin/sh", ["-c", SUPERVISOR, "sh", PROGRAM ?? "", ...command], {
    cwd,
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  server.stdin?.on("error", () => {});
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && server.exitCode === null && server.signalCode === null) {
    const client = connect({ port: facts.port, login: facts.admin });
    try {
      await client.connect();
      await client.call("PING");
      return server;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      client.disconnect();
    }
  }
  await end(server);
  return undefined;
}

async function end(server: ChildProcess): Promise<void> {
  const ended = server.exitCode === null && server.signalCode === null ? once(server, "exit") : undefined;
  server.stdin?.end();
  await ended;
}

function connect({ port, login }: { readonly port: number; readonly login: TestRedis["admin"] }): Redis {
  const client = new Redis({
    host: HOST,
    port,
    ...login,
    protocol: 2,
    lazyConnect: true,
    retryStrategy: () => null,
    disableClientInfo: true,
    enableReadyCheck: false,
  });
  client.on("error", () => {});
  return client;
}

function describe(
  facts: Facts & { server: ChildProcess; readonly command: readonly string[]; readonly directory: string },
): TestRedis {
  const { directory, port, admin } = facts;
  let client = connect({ port, login: admin });
  const call: TestRedis["call"] = (name = "", ...args) => client.call(name, ...args);
  return {
    host: HOST,
    port,
    directory,
    admin,
    call,
    createUser: async (username, password, ...rules) => {
      await call("ACL", "SETUSER", username, "on", `#${passwordHash(password)}`, "~*", ...rules);
    },
    hashesOf: async (username) => {
      const user = (await call("ACL", "GETUSER", username)) as unknown[] | null;
      return user === null ? [] : (user[user.indexOf("passwords") + 1] as string[]);
    },
    open: async ({ username, password }, name) => {
      const connection = connect({ port, login: { username, password } });
      await connection.connect();
      // HELLO is the one command that names a connection and that no user can be denied.
      await connection.call("HELLO", "2", "SETNAME", name);
      return { [Symbol.asyncDispose]: async () => connection.disconnect() };
    },
    log: () => readFile(join(directory, "server.log"), "utf8"),
    restart: async () => {
      client.disconnect();
      await end(facts.server);
      const server = await launch(facts.command, directory, facts);
      if (server === undefined) throw new Error("The server does not start again.");
      facts.server = server;
      client = connect({ port, login: admin });
    },
    [Symbol.asyncDispose]: async () => {
      client.disconnect();
      await end(facts.server);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
