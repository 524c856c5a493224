import { connect, type Socket } from "node:net";
import { RotationError } from "../../core/errors.ts";
import type { FakeReply, FakeRequest } from "./fake-target.ts";

/** One for each place, kept between invocations. */
interface Connection {
  readonly socket: Socket;
  readonly waiting: Map<number, (reply: FakeReply | undefined) => void>;
}

interface Login {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

const connections = new Map<string, Connection>();
let lastId = 0;

/** @throws RotationError TargetUnavailable when there is no answer in time, or none at all */
export async function ask(
  { host, port, username, password }: Login,
  request: Omit<FakeRequest, "id" | "username" | "password">,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<FakeReply> {
  lastId += 1;
  const id = lastId;
  const { socket, waiting } = connectTo(host, port);
  const reply = await new Promise<FakeReply | undefined>((resolve) => {
    const give = (answer: FakeReply | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      waiting.delete(id);
      resolve(answer);
    };
    const stop = () => give(undefined);
    const timer = setTimeout(stop, timeoutMs);
    signal.addEventListener("abort", stop, { once: true });
    waiting.set(id, give);
    socket.write(`${JSON.stringify({ id, username, password, ...request })}\n`);
  });
  if (reply !== undefined) return reply;
  throw new RotationError("TargetUnavailable", `The fake target at ${host}:${port} gave no answer.`);
}

function connectTo(host: string, port: number): Connection {
  const key = `${host}:${port}`;
  const open = connections.get(key);
  if (open !== undefined) return open;
  const connection: Connection = { socket: connect(port, host), waiting: new Map() };
  connections.set(key, connection);
  let rest = "";
  connection.socket.setNoDelay(true);
  connection.socket.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const reply = JSON.parse(line) as FakeReply;
      connection.waiting.get(reply.id)?.(reply);
    }
  });
  connection.socket.on("error", () => {});
  connection.socket.on("close", () => {
    connections.delete(key);
    for (const give of [...connection.waiting.values()]) give(undefined);
  });
  return connection;
}
