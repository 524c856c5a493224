import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

/** Directories of a test's own, so that what its processes leave behind can be told from what others do. */
export interface OwnDirectories extends AsyncDisposable {
  readonly home: string;
  /** For temporary files. */
  readonly temporary: string;
}

export async function ownDirectories(): Promise<OwnDirectories> {
  const home = await mkdtemp(join(tmpdir(), "demo-home-"));
  const temporary = await mkdtemp(join(tmpdir(), "demo-"));
  // As the system's own one: where the database runs as another user, that user writes there, too.
  await chmod(temporary, 0o1777);
  const remove = () => Promise.all([home, temporary].map((each) => rm(each, { recursive: true })));
  return { home, temporary, [Symbol.asyncDispose]: () => remove().then(() => {}) };
}

export interface OwnProcess {
  readonly child: ChildProcess;
  /** Of both streams, so far. */
  output(): string;
  /** Resolves once it has written `text`, or has ended. */
  wrote(text: string): Promise<void>;
  /** Exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** Starts a program in the project's folder, with nothing of this process's environment but PATH. */
export function run(command: string, argv: readonly string[], { home, temporary }: OwnDirectories): OwnProcess {
  const child = spawn(command, argv, {
    cwd: PROJECT,
    // npm keeps its logs in HOME, and on Node 22 and later its own compiled code in the directory for temporary files.
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      TMPDIR: temporary,
      NODE_COMPILE_CACHE: join(home, "compiled"),
    },
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
export function descendantsOf(pid: number): readonly number[] {
  const all = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const children = all.filter(([, parent]) => parent === pid).map(([child]) => child ?? 0);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

export const NOTHING = { processes: [], files: [] };

/** Polls: ends with what is still there after 10 s. */
export async function leftBehind(pids: readonly number[], { temporary }: OwnDirectories): Promise<unknown> {
  for (const deadline = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const left = { processes: pids.filter(isAlive), files: await readdir(temporary) };
    if ((left.processes.length === 0 && left.files.length === 0) || Date.now() > deadline) return left;
  }
}

// --- internal ---

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
