import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const END_MS = 2000;

export interface ProgramOptions {
  /** What it is called where it does not start: "The service billing-worker". */
  readonly what: string;
  /** Node's arguments. */
  readonly argv: readonly string[];
  /** It has no other variables. */
  readonly env: Readonly<Record<string, string>>;
  /** How long it may take until it says something, in ms. */
  readonly startMs: number;
}

/** A program in a process of its own. */
export interface Program<T> extends AsyncDisposable {
  /** Its first line of standard output. */
  readonly said: T;
}

/**
 * Starts one, and returns once it has said where it is. It ends when it is disposed, and with this process, however that ends: then its
 * standard input closes, and it has to end itself.
 * @param read the line as JSON. @throws Error that says what it wrote, when it ends instead, or says nothing in time
 */
export async function startProgram<T>(
  { what, argv, env, startMs }: ProgramOptions,
  read: (said: unknown) => T,
): Promise<Program<T>> {
  const child = spawn(process.execPath, argv, { env, stdio: ["pipe", "pipe", "pipe"] });
  const exited = once(child, "exit").catch(() => {});
  let written = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    written = `${written}${text}`.slice(-2000);
  });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    child.kill("SIGTERM");
    await exited;
    clearTimeout(timer);
  };
  try {
    return { said: read(JSON.parse(await firstLine(child, exited, startMs))), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${what} did not start: ${why}. It wrote: ${written.trim() || "nothing"}`);
  }
}

// --- internal ---

async function firstLine({ stdout }: ChildProcess, exited: Promise<unknown>, startMs: number): Promise<string> {
  if (stdout === null) throw new Error("it has no output");
  const lines = createInterface({ input: stdout });
  const ended = exited.then(() => Promise.reject(new Error("it ended at once")));
  ended.catch(() => {});
  const said = once(lines, "line", { signal: AbortSignal.timeout(startMs) }).catch(() =>
    Promise.reject(new Error(`it said nothing for ${startMs / 1000} s`)),
  );
  const [line = ""] = (await Promise.race([said, ended])) as readonly string[];
  return line;
}
