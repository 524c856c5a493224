import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const PROGRAM = fileURLToPath(new URL("service.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");
const START_MS = 20_000;
const END_MS = 2000;

export interface DependentOptions {
  readonly name: string;
  readonly secretId: string;
  /** "reload": reads the secret again when the database refuses it. "cache": only when it is asked to. */
  readonly mode: "reload" | "cache";
  /** Where its account is. It has no other variables. */
  readonly environment: Readonly<Record<string, string>>;
}

const health = z.object({ status: z.string(), versionId: z.string(), authenticatedAt: z.iso.datetime() });

/** What it says of itself: the version is that of its newest authentication. */
export type DependentHealth = z.infer<typeof health>;

/** A service that uses a secret, as a process of its own. */
export interface Dependent extends AsyncDisposable {
  readonly name: string;
  readonly secretId: string;
  /** "http://127.0.0.1:<port>" */
  readonly url: string;
  health(): Promise<DependentHealth>;
  /** From now on it answers refreshes with this status; null: as it should. */
  answerRefreshesWith(status: number | null): Promise<void>;
}

/**
 * Starts one, and returns once it has signed in. It ends when it is disposed, and with this process, however that ends:
 * then its standard input closes.
 * @throws Error that says what it wrote, when it ends instead, or says nothing in time
 */
export async function startDependent({ name, secretId, mode, environment }: DependentOptions): Promise<Dependent> {
  const child = spawn(process.execPath, ["--import", TSX, PROGRAM], {
    env: { ...environment, SERVICE_NAME: name, SECRET_ID: secretId, SERVICE_MODE: mode, TSX_DISABLE_CACHE: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
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
  const url = await portOf(child, exited).then(
    (port) => `http://127.0.0.1:${port}`,
    async (error: Error) => {
      await stop();
      throw new Error(`The service ${name} did not start: ${error.message}. It wrote: ${written.trim() || "nothing"}`);
    },
  );
  return {
    name,
    secretId,
    url,
    health: async () => health.parse(await (await fetch(`${url}/health`)).json()),
    answerRefreshesWith: async (refresh) => {
      const { status } = await fetch(`${url}/fault`, { method: "POST", body: JSON.stringify({ refresh }) });
      if (status !== 204) throw new Error(`The service ${name} answered /fault with status ${status}.`);
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function portOf(child: ChildProcess, exited: Promise<unknown>): Promise<number> {
  if (child.stdout === null) throw new Error("it has no output");
  const lines = createInterface({ input: child.stdout });
  const timeout = AbortSignal.timeout(START_MS);
  const ended = exited.then(() => Promise.reject(new Error("it ended at once")));
  ended.catch(() => {});
  const [line] = (await Promise.race([
    once(lines, "line", { signal: timeout }).catch(() =>
      Promise.reject(new Error(`it said nothing for ${START_MS / 1000} s`)),
    ),
    ended,
  ])) as readonly string[];
  const { port } = z.object({ port: z.int() }).parse(JSON.parse(line ?? ""));
  return port;
}
