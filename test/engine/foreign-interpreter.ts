import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { HistoryEvent } from "../../local/engine/history.ts";
import { AwsError } from "../../local/services/service.ts";
import type { Handler } from "./harness.ts";

/** What the other interpreter made of an execution. */
export interface ForeignResult {
  readonly status: string;
  readonly output?: unknown;
  readonly error?: string;
  readonly cause?: string;
  readonly events: readonly HistoryEvent[];
  /** Names of the functions called, in order. */
  readonly calls: readonly string[];
}

/**
 * moto's interpreter of the Amazon States Language, behind a bridge script that is not part of this repository: it runs a
 * definition and asks our HTTP server for every Lambda call. One process; `close` ends it.
 */
export class ForeignInterpreter implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #server: Server;
  readonly #address: string;
  readonly #world: World;

  private constructor(process: ChildProcess, server: Server, address: string, world: World) {
    this.#process = process;
    this.#server = server;
    this.#address = address;
    this.#world = world;
  }

  static async start(bridge: string): Promise<ForeignInterpreter> {
    const world: World = { functions: {}, calls: [] };
    const server = createServer((request, response) => {
      void answer(world, request).then((reply) => response.end(JSON.stringify(reply)));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const child = spawn("python3", [bridge, "--world", here, "--serve", "0", "--jsonata-from", process.cwd()], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      return new ForeignInterpreter(child, server, await listening(child), world);
    } catch (error) {
      child.kill("SIGKILL");
      server.close();
      throw error;
    }
  }

  async run(
    definition: unknown,
    input: unknown,
    functions: Readonly<Record<string, Handler>>,
    seconds: number,
  ): Promise<ForeignResult> {
    this.#world.functions = functions;
    this.#world.calls = [];
    const response = await fetch(`${this.#address}/run`, {
      method: "POST",
      body: JSON.stringify({ definition, input, timeout: seconds }),
      signal: AbortSignal.timeout((seconds + 15) * 1000),
    });
    const result = (await response.json()) as Omit<ForeignResult, "calls">;
    return { ...result, events: result.events ?? [], calls: [...this.#world.calls] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface World {
  functions: Readonly<Record<string, Handler>>;
  calls: string[];
}

async function answer(world: World, request: IncomingMessage): Promise<unknown> {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { params } = JSON.parse(body) as { params: { FunctionName: string; Payload?: unknown } };
  const name = params.FunctionName.slice(params.FunctionName.lastIndexOf(":") + 1);
  world.calls.push(name);
  const handler = world.functions[name];
  if (handler === undefined)
    return { error: { type: "ResourceNotFoundException", message: "no function", code: true } };
  try {
    return { ok: (await handler((params.Payload ?? {}) as never, new AbortController().signal)) ?? null };
  } catch (error) {
    const { name: type, message } = error as Error;
    return { error: { type, message, code: error instanceof AwsError } };
  }
}

/** The address that the bridge prints once it is ready; Python's imports take their time. */
async function listening(child: ChildProcess): Promise<string> {
  let printed = "";
  child.stdout?.on("data", (chunk) => {
    printed += chunk;
  });
  const deadline = Date.now() + 90_000;
  while (Date.now() < deadline && child.exitCode === null) {
    const found = /listening (\S+)/.exec(printed)?.[1];
    if (found !== undefined) return found;
    await pause(50);
  }
  throw new Error(`the foreign interpreter did not start (exit code ${child.exitCode})`);
}
