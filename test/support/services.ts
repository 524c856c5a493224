import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { inject } from "vitest";

const START_MS = 20_000;
const END_MS = 3000;

export interface ServiceOptions {
  /** Its application name at the database, too. */
  readonly name: string;
  /** Name or ARN of the secret that it uses. */
  readonly secretId: string;
  /** "reload": reads the secret again when the database refuses it. "cache": only when it is asked to. */
  readonly mode: "reload" | "cache";
  /** Where its account is: AWS_ENDPOINT_URL, AWS_REGION and access keys. It has no other variables. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ServiceHealth {
  /** Of the HTTP answer. */
  readonly statusCode: number;
  readonly status: "ok" | "failing";
  /** Of its newest authentication. */
  readonly versionId: string;
  readonly authenticatedAt: string;
}

export interface RunningService extends AsyncDisposable {
  /** "http://127.0.0.1:<port>" */
  readonly url: string;
  readonly pid: number;
  health(): Promise<ServiceHealth>;
  /** From now on it answers refreshes with this status; null: as it should. */
  setFault(refresh: number | null): Promise<void>;
  /** What it has written so far, to both outputs. */
  output(): string;
}

/**
 * Starts the small service of the demo as a process of its own. It has signed in when this returns; it ends when disposed.
 * @throws Error with what it wrote, when it ends instead, or says nothing in time
 */
export async function startService({ name, secretId, mode, environment }: ServiceOptions): Promise<RunningService> {
  const child = spawn(process.execPath, [inject("service")], {
    env: { ...environment, SERVICE_NAME: name, SECRET_ID: secretId, SERVICE_MODE: mode, SERVICE_PORT: "0" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const exited: Promise<readonly unknown[]> = once(child, "exit");
  exited.catch(() => {});
  const port = await portOf(child, exited).catch(async (error: Error) => {
    child.kill("SIGKILL");
    throw new Error(`Service ${name} did not start: ${error.message}. It wrote: ${output.trim() || "nothing"}`);
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    pid: child.pid ?? 0,
    health: async () => {
      const response = await fetch(`${url}/health`);
      const body = (await response.json()) as Omit<ServiceHealth, "statusCode">;
      return { statusCode: response.status, ...body };
    },
    setFault: async (refresh) => {
      const response = await fetch(`${url}/fault`, { method: "POST", body: JSON.stringify({ refresh }) });
      if (response.status !== 204) {
        throw new Error(`Service ${name} answered /fault with status ${response.status}.`);
      }
    },
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await exited;
      clearTimeout(timer);
    },
  };
}

async function portOf(child: ChildProcess, exited: Promise<readonly unknown[]>): Promise<number> {
  if (child.stdout === null) throw new Error("it has no output");
  const lines = createInterface({ input: child.stdout });
  const deadline = AbortSignal.timeout(START_MS);
  try {
    const line = await Promise.race([
      once(lines, "line", { signal: deadline }).then(([text]): string => String(text)),
      exited.then(([code]): never => {
        throw new Error(`it ended with code ${code}`);
      }),
    ]);
    return (JSON.parse(line) as { port: number }).port;
  } catch (error) {
    throw deadline.aborted ? new Error(`it named no port within ${START_MS / 1000} s`) : error;
  } finally {
    lines.close();
    // Closing the reader pauses the stream.
    child.stdout.resume();
  }
}
