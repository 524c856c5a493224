import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { DescribeSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const START = join(PROJECT, "local/demo/start.mjs");
const DEMO_MS = 60_000;

let directory: string;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "demo-home-"));
  // Of its own, so that what a demo leaves behind can be told from what others do.
  directory = await mkdtemp(join(tmpdir(), "demo-"));
  // As the system's own one: where the database runs as another user, that user writes there, too.
  await chmod(directory, 0o1777);
});
afterAll(() => Promise.all([directory, home].map((each) => rm(each, { recursive: true }))));

interface Demo {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves once it has written `text`, or has ended. */
  wrote(text: string): Promise<void>;
  /** Exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

function startDemo(...argv: string[]): Demo {
  return run(process.execPath, [START, ...argv]);
}

function run(command: string, argv: readonly string[]): Demo {
  const child = spawn(command, argv, {
    cwd: PROJECT,
    // npm keeps its logs in HOME, and on Node 22 and later its own compiled code in the directory for temporary files.
    env: { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: directory, NODE_COMPILE_CACHE: join(home, "compiled") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, "close").then(([status, signal]: unknown[]) => (status ?? signal) as number | string);
  const wrote = (text: string) =>
    Promise.race([
      new Promise<void>((resolve) => {
        const look = () => output.includes(text) && resolve();
        listeners.add(look);
        look();
      }),
      ended.then(() => {}),
    ]);
  return { child, output: () => output, wrote, ended };
}

/** The processes that a process has started, and those that they have. */
function descendantsOf(pid: number): readonly number[] {
  const all = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const children = all.filter(([, parent]) => parent === pid).map(([child]) => child ?? 0);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Polls: ends with what is still there after 10 s. */
async function leftBehind(pids: readonly number[]): Promise<unknown> {
  for (const deadline = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const left = { processes: pids.filter(isAlive), files: await readdir(directory) };
    if ((left.processes.length === 0 && left.files.length === 0) || Date.now() > deadline) return left;
  }
}

const NOTHING = { processes: [], files: [] };

describe("npm start", () => {
  test(
    "with --keep shows two rotations and a rollback, then leaves an account that others can use; npm killed, it leaves nothing",
    async () => {
      const demo = run("npm", ["start", "--silent", "--", "--keep"]);
      await demo.wrote("Ctrl-C ends it.");
      const output = demo.output();
      expect(output).toContain("expectations hold");
      expect(output).not.toContain("not so:");
      expect(output).toBe(stripVTControlCharacters(output));
      expect(output).toMatch(/demo\/orders-db {2}! ConvergeDependents/);
      expect(output).toMatch(/billing-worker +Refresh .*DependentUnhealthy/);
      expect(output).toMatch(/Production works: it is back on the old version [0-9a-f]{8}/);

      const endpoint = /--endpoint-url (\S+)/.exec(output)?.[1] ?? "";
      const environment = Object.fromEntries(
        [...output.matchAll(/(AWS_\w+)=(\S+)/g)].map((match) => [match[1], match[2]]),
      );
      const client = new SecretsManagerClient({
        endpoint,
        region: environment["AWS_DEFAULT_REGION"] ?? "",
        credentials: {
          accessKeyId: environment["AWS_ACCESS_KEY_ID"] ?? "",
          secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
        },
      });
      const secret = await client.send(new DescribeSecretCommand({ SecretId: "demo/orders-db" }));
      expect(Object.values(secret.VersionIdsToStages ?? {}).flat()).toContain("AWSCURRENT");

      const pids = descendantsOf(demo.child.pid ?? 0);
      // Three services and PostgreSQL with its supervisor at least.
      expect(pids.length).toBeGreaterThanOrEqual(5);
      demo.child.kill("SIGKILL");
      expect(await demo.ended).toBe("SIGKILL");
      expect(await leftBehind(pids)).toEqual(NOTHING);
    },
    DEMO_MS,
  );

  test(
    "ended by Ctrl-C in the middle of a rotation leaves nothing, and says so by its status",
    async () => {
      const demo = startDemo();
      await demo.wrote("CreateSecret");
      const pids = descendantsOf(demo.child.pid ?? 0);
      demo.child.kill("SIGINT");
      expect(await demo.ended).toBe(130);
      expect(demo.output()).not.toMatch(/Error|\n {4}at /);
      expect(await leftBehind(pids)).toEqual(NOTHING);
    },
    DEMO_MS,
  );

  test("refuses an option that it does not know, with its usage and status 252", async () => {
    const demo = startDemo("--kep");
    expect(await demo.ended).toBe(252);
    expect(demo.output()).toMatch(/^There is no option --kep\.\n\nUsage: npm start/);
  });

  test(
    "says in a sentence that its port is in use",
    async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const demo = startDemo("--port", String(port));
      expect(await demo.ended).toBe(1);
      server.close();
      expect(demo.output()).toMatch(new RegExp(`Port ${port} of 127\\.0\\.0\\.1 is in use[^\\n]*\\n$`));
      expect(await leftBehind([])).toEqual(NOTHING);
    },
    DEMO_MS,
  );
});
