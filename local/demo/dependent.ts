import { fileURLToPath } from "node:url";
import { z } from "zod";
import { startProgram } from "./program.ts";

const PROGRAM = fileURLToPath(new URL("service.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");
const START_MS = 20_000;

export interface DependentOptions {
  readonly name: string;
  readonly secretId: string;
  /** "reload": reads the secret again when the database refuses it. "cache": only when it is asked to. */
  readonly mode: "reload" | "cache";
  /** Where its account is. It has no other variables. */
  readonly environment: Readonly<Record<string, string>>;
}

const listening = z.object({ port: z.int() });
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
 * Starts one, and returns once it has signed in. It ends when it is disposed, and with this process, however that ends.
 * @throws Error that says what it wrote, when it ends instead, or says nothing in time
 */
export async function startDependent({ name, secretId, mode, environment }: DependentOptions): Promise<Dependent> {
  const argv = ["--import", TSX, PROGRAM];
  const env = { ...environment, SERVICE_NAME: name, SECRET_ID: secretId, SERVICE_MODE: mode, TSX_DISABLE_CACHE: "1" };
  const what = `The service ${name}`;
  const program = await startProgram({ what, argv, env, startMs: START_MS }, (said) => listening.parse(said));
  const url = `http://127.0.0.1:${program.said.port}`;
  return {
    name,
    secretId,
    url,
    health: async () => health.parse(await (await fetch(`${url}/health`)).json()),
    answerRefreshesWith: async (refresh) => {
      const { status } = await fetch(`${url}/fault`, { method: "POST", body: JSON.stringify({ refresh }) });
      if (status !== 204) throw new Error(`The service ${name} answered /fault with status ${status}.`);
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
