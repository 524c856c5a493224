import { subscribe } from "node:diagnostics_channel";
import { open, stat } from "node:fs/promises";
import type { IncomingMessage, Server } from "node:http";
import type { Account } from "../../local/account.ts";
import type { InvokeResult } from "../../local/services/service.ts";

/** What an account does not keep, and what a shared server keeps of everybody. */
export interface LeakWatch {
  readonly account: Account;
  /** The RotationTokens that Secrets Manager has given away. */
  readonly tokens: readonly string[];
  /** What functions were invoked with by all but Secrets Manager, whose events have a RotationToken by right. */
  readonly invokedWith: readonly unknown[];
  /** What functions answered to all but the workflow, whose history has it. */
  readonly replies: readonly InvokeResult[];
  /** What was asked of servers in this process other than accounts since this began: by dependents' addresses, and by SNS. */
  requests(): readonly Request[];
  /** What the database has logged since this began. */
  databaseLog(): Promise<string>;
}

export interface Request {
  readonly url: string;
  readonly headers: readonly string[];
  readonly body: readonly Buffer[];
}

/**
 * Leaves out what a function that is not Rotor's is sent and answers: secrets reach it by right, and its errors are as careless as it is.
 * What becomes of its answers is looked at all the same.
 */
export function leaveOut(foreign: { readonly functionArn: string; readonly port: number }): void {
  foreignFunctions.add(foreign.functionArn);
  leftOutPorts.add(foreign.port);
}

/** Watches an account from its start on. */
export async function watchForLeaks(account: Account, database: { readonly logFile: string }): Promise<LeakWatch> {
  const tokens: string[] = [];
  const invokedWith: unknown[] = [];
  const replies: InvokeResult[] = [];
  account.intercept(({ service, operation, phase, input, output, caller }) => {
    if (service !== "lambda" || operation !== "Invoke") return;
    const { FunctionName, Payload } = input as {
      readonly FunctionName: string;
      readonly Payload?: { readonly RotationToken?: unknown } | null;
    };
    if (phase === "before" && typeof Payload?.RotationToken === "string") tokens.push(Payload.RotationToken);
    // As it is: the account's own record of its calls is without secrets.
    if (phase === "before" && caller !== "secretsmanager") invokedWith.push(structuredClone(Payload));
    if (phase === "after" && caller !== "states" && !foreignFunctions.has(FunctionName))
      replies.push(output as InvokeResult);
  });
  const from = requests.length;
  // What an account is asked is looked at as its calls.
  leftOutPorts.add(Number(new URL(account.endpoint).port));
  const { size } = await stat(database.logFile);
  return {
    account,
    tokens,
    invokedWith,
    replies,
    requests: () => requests.slice(from),
    databaseLog: () => readFrom(database.logFile, size),
  };
}

// --- internal ---

const foreignFunctions = new Set<string>();
/** Given back when the server closes: the next one on the port may be a dependent. */
const leftOutPorts = new Set<number>();
const leftOutServers = new WeakSet<Server>();

const requests: Request[] = [];

/** Every request to a server in this process that is not left out, with its body as it arrives, whether or not the server reads it. */
subscribe("http.server.request.start", (message) => {
  const { request, server } = message as { readonly request: IncomingMessage; readonly server: Server };
  const port = request.socket.localPort ?? 0;
  if (leftOutPorts.has(port) && !leftOutServers.has(server)) {
    leftOutServers.add(server);
    server.once("close", () => leftOutPorts.delete(port));
  }
  if (leftOutServers.has(server)) return;
  const body: Buffer[] = [];
  const { url = "", rawHeaders: headers } = request;
  requests.push({ url, headers, body });
  const push = request.push.bind(request);
  request.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (Buffer.isBuffer(chunk)) body.push(Buffer.from(chunk));
    return push(chunk, encoding);
  };
});

async function readFrom(file: string, position: number): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.max(0, size - position));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
