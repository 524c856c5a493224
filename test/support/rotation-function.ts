import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Account } from "../../local/account.ts";
import { leaveOut } from "./leak-watch.ts";

/** Why what needs Python is left out; undefined where it is not. Where engines are required, a missing one is an error. */
export const pythonIsMissing =
  spawnSync("python3", ["--version"]).status !== 0 && process.env["REQUIRE_ENGINES"] !== "1"
    ? "not run: there is no python3"
    : undefined;
if (pythonIsMissing) console.info(`Rotation function: ${pythonIsMissing}`);

export interface FunctionCall {
  readonly step: string;
  readonly token: string;
}

/**
 * What becomes of a call. "fail": the function is not reached, and an error is answered. "fail-after": the same once it has done its
 * work. "hang", "hang-after": nothing is ever answered. `slowMs`: it takes so many milliseconds before it writes what it
 * has read, and does so whether or not anybody waits for it still.
 */
export type FunctionFault = "fail" | "fail-after" | "hang" | "hang-after" | { readonly slowMs: number };

/** A rotation function in Python, in a process of its own, and a relay before it that makes the faults. */
export interface RotationFunction extends AsyncDisposable {
  readonly arn: string;
  /** The calls that it was asked for, oldest first. */
  readonly calls: readonly FunctionCall[];
  /** Asked of each call; set to make faults. */
  fault: (call: FunctionCall) => FunctionFault | undefined;
  /** Resolves when no call is at work any more, whether or not anybody waits for it still. */
  idle(): Promise<void>;
  /** What an error of "fail" says; default a plain one. */
  error: Readonly<Record<string, unknown>>;
}

export interface RotationFunctionOptions {
  readonly name: string;
  /** Lambda's timeout of it. Default 10 s. */
  readonly timeoutMs?: number;
  /** It wants the candidate of another user, as functions for alternating users do. */
  readonly alternating?: boolean;
}

/** Starts it and defines it in the account. */
export async function startRotationFunction(
  account: Account,
  { name, timeoutMs = 10_000, alternating = false }: RotationFunctionOptions,
): Promise<RotationFunction> {
  const python = spawn("python3", [fileURLToPath(new URL("./rotation-function.py", import.meta.url))], {
    env: { ...process.env, AWS_ENDPOINT_URL: account.endpoint, ALTERNATING: alternating ? "1" : "0" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [port] = (await once(python.stdout, "data")) as [Buffer];
  const behind = `http://127.0.0.1:${Number(port.toString())}`;
  const calls: FunctionCall[] = [];
  const working = new Set<Promise<void>>();
  const relay = createServer((request, response) => {
    const work = (async () => {
      const body = await text(request);
      const { Step: step, ClientRequestToken: token } = JSON.parse(body) as Record<string, string>;
      const call = { step: step ?? "", token: token ?? "" };
      calls.push(call);
      const fault = served.fault(call);
      if (fault === "hang") return;
      const slowMs = typeof fault === "object" ? fault.slowMs : 0;
      const reply = fault === "fail" ? "" : await forward(behind + (request.url ?? ""), body, slowMs);
      if (fault === "hang-after") return;
      response.end(fault === "fail" || fault === "fail-after" ? JSON.stringify(served.error) : reply);
    })().catch(() => void response.destroy());
    working.add(work);
    void work.finally(() => working.delete(work));
  });
  const address = await listen(relay);
  const served: RotationFunction = {
    arn: account.lambda.define({ name, timeoutMs, address }),
    calls,
    fault: () => undefined,
    async idle() {
      await Promise.all(working);
    },
    error: { errorType: "RuntimeError", errorMessage: "as asked for by a test" },
    async [Symbol.asyncDispose]() {
      relay.closeAllConnections();
      relay.close();
      const ended = once(python, "exit");
      python.stdin.end();
      await ended;
    },
  };
  leaveOut({ functionArn: served.arn, port: Number(new URL(address).port) });
  return served;
}

async function forward(url: string, body: string, slowMs: number): Promise<string> {
  return (await fetch(url, { method: "POST", body, headers: { "x-slow-ms": `${slowMs}` } })).text();
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
