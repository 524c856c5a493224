import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Database, startDatabase } from "../../local/database.ts";
import { connectAs, queryAs } from "../support/database.ts";

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "rotor-database-test-"));
// PostgreSQL's user, where that is not ours, works here as in any directory for temporary files.
chmodSync(directory, 0o1777);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Processes whose command line names `text`. */
async function processesOf(text: string): Promise<string[]> {
  const { stdout } = await run("ps", ["-A", "-ww", "-o", "args="]);
  return stdout.split("\n").filter((line) => line.includes(text) && !line.includes("ps -A"));
}

describe("a database of our own", () => {
  let database: Database;
  beforeAll(async () => {
    database = await startDatabase({ directory, settings: { log_statement: "all" } });
  });
  afterAll(() => database.stop());

  test("is reached at 127.0.0.1 alone, and by password alone", async () => {
    const [row] = await queryAs(
      database.admin,
      `SELECT current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets,
        (SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules) AS methods`,
    );
    const refused = await connectAs({ ...database.admin, password: "wrong" }).catch((error) => error.code);

    expect(row).toEqual({ listen: "127.0.0.1", sockets: "", methods: ["scram-sha-256"] });
    expect(refused).toBe("28P01");
  });

  test("makes roles that sign in, and keeps their passwords out of its log, even with every statement logged", async () => {
    const login = { host: database.host, port: database.port, username: 'o"dd', password: "it's-a-canary" };

    await database.createRole(login.username, login.password);
    const [row] = await queryAs(login, "SELECT current_user AS name, 'marker-in-log'");

    expect(row?.["name"]).toBe('o"dd');
    const log = await database.log();
    expect(log).toContain("marker-in-log");
    expect(log).not.toContain("canary");
    expect(log).not.toContain(database.admin.password);
  });

  test("keeps a password out of its log also when the role cannot be made", async () => {
    await database.createRole("twice", "first-canary");

    await expect(database.createRole("twice", "second-canary")).rejects.toMatchObject({ code: "42710" });
    expect(await database.log()).not.toContain("canary");
  });

  test("shows its password to nobody: not in a file, not on a command line, and its directory is its own", async () => {
    const { password } = database.admin;

    expect(statSync(database.directory).mode & 0o777).toBe(0o700);
    expect((await processesOf(database.directory)).length).toBeGreaterThan(0);
    expect((await processesOf(password)).length).toBe(0);
    const files = readdirSync(database.directory, { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    const holding = files.filter((file) => readFileSync(join(file.parentPath, file.name)).includes(password));
    expect(holding).toEqual([]);
  });

  test("does not start when its port is in use, and says so in one sentence", async () => {
    await expect(startDatabase({ directory, port: database.port })).rejects.toThrow(
      `Port ${database.port} of 127.0.0.1 is in use: stop what listens there, or choose another port.`,
    );
  });
});

describe("a database that comes and goes", () => {
  test("takes the port it is given", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const address = free.address();
    const port = typeof address === "object" && address ? address.port : 0;
    await new Promise((resolve) => free.close(resolve));

    await using database = await startDatabase({ directory, port });

    expect([database.port, await listens(port)]).toEqual([port, true]);
  });

  test("leaves no process and no file when it is stopped, and may be stopped twice", async () => {
    const database = await startDatabase({ directory });
    const client = await connectAs(database.admin);

    await Promise.all([database.stop(), database.stop()]);
    await database.stop();
    await client.end();

    expect(existsSync(database.directory)).toBe(false);
    expect(await listens(database.port)).toBe(false);
    expect(await processesOf(database.directory)).toEqual([]);
  });
});

describe("a database that cannot start says why in one sentence", () => {
  test("the directory cannot be made", async () => {
    await expect(startDatabase({ directory: join(directory, "missing") })).rejects.toThrow(/directory.*ENOENT/);
  });

  test("PostgreSQL refuses a setting, in its own words, and nothing is left behind", async () => {
    const before = readdirSync(directory);

    await expect(startDatabase({ directory, settings: { max_connections: "many" } })).rejects.toThrow(
      /PostgreSQL could not start: .*max_connections/,
    );
    expect(readdirSync(directory)).toEqual(before);
  });
});

describe("a database does not outlive the process that started it", () => {
  const module = new URL("../../local/database.ts", import.meta.url).href;

  /** A process in a group of its own that runs `code`. */
  function parent(code: string) {
    const script = join(directory, `parent-${randomUUID()}.mts`);
    writeFileSync(script, code);
    return spawn(process.execPath, ["--import", import.meta.resolve("tsx"), script], {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  test.concurrent.for(["SIGKILL", "SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "that ends by %s to its group",
    async (signal, { expect }) => {
      const child = parent(`
      const { startDatabase } = await import(${JSON.stringify(module)});
      const { port, directory } = await startDatabase({ directory: ${JSON.stringify(directory)} });
      console.log(JSON.stringify({ port, directory }));
      setInterval(() => {}, 1000);
    `);
      const [line] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
      const database = JSON.parse(String(line)) as { port: number; directory: string };
      expect(await listens(database.port)).toBe(true);

      const ended = once(child, "exit");
      process.kill(-(child.pid ?? 0), signal);
      await ended;

      await expect.poll(() => processesOf(database.directory), { timeout: 10_000 }).toEqual([]);
      await expect.poll(() => existsSync(database.directory), { timeout: 10_000 }).toBe(false);
      expect(await listens(database.port)).toBe(false);
    },
  );

  test.concurrent("that is killed while the cluster is still being made", async ({ expect }) => {
    const home = mkdtempSync(join(directory, "early-"));
    chmodSync(home, 0o1777);
    const child = parent(`
      const { startDatabase } = await import(${JSON.stringify(module)});
      await startDatabase({ directory: ${JSON.stringify(home)} });
    `);
    await expect.poll(() => processesOf(`--pgdata=${home}`), { timeout: 10_000, interval: 5 }).not.toEqual([]);

    const ended = once(child, "exit");
    process.kill(-(child.pid ?? 0), "SIGKILL");
    await ended;

    await expect.poll(() => processesOf(home), { timeout: 15_000 }).toEqual([]);
    await expect.poll(() => readdirSync(home), { timeout: 10_000 }).toEqual([]);
  });
});
