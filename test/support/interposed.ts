import type { Socket } from "node:net";
import type { Message, Reader } from "./statement-proxy.ts";

/** A connection, or a statement, that is on its way to a server. */
export interface Exchange {
  /** Absent: it is the connection itself. */
  readonly text?: string;
  /** Where the client comes from. */
  readonly clientPort: number;
  /** Hands it on. Resolves once the server has answered, or has hung up; of a connection: at once. The client has not heard of it. */
  forward(): Promise<void>;
}

/**
 * "reply": the client hears what the server has said. "cut": it is cut off, and so is the server. "later": it is cut off, and the
 * server keeps its end until the statement was handed on and answered.
 */
export type Fate = "reply" | "cut" | "later";

export type Interpose = (exchange: Exchange) => Promise<Fate>;

/** Joins a client to a server, one exchange after the other, each as `interpose` decides. */
export async function joinInterposed(
  client: Socket,
  connect: () => Socket,
  { read, isReplied = () => true }: Reader,
  interpose: Interpose,
): Promise<void> {
  const clientPort = client.remotePort ?? 0;
  const messages: Message[] = [];
  let isBusy = true;
  let server: Socket | undefined;
  let keepsServer = false;
  /** What the server says while an exchange is decided. */
  let held: Buffer[] | undefined;
  let answered = () => {};

  client.on("data", (chunk: Buffer) => {
    messages.push(...read(chunk));
    void work();
  });
  client.on("close", () => {
    if (!keepsServer) server?.destroy();
  });

  const open = async () => {
    server = connect();
    server.on("data", (chunk: Buffer) => {
      const replied = isReplied(chunk);
      if (held === undefined) client.write(chunk);
      else held.push(chunk);
      if (replied) answered();
    });
    server.on("close", () => {
      answered();
      // What it said last may still be held.
      if (held === undefined) client.end();
    });
  };
  if ((await interpose({ clientPort, forward: open })) !== "reply") return void client.destroy();
  if (server === undefined) await open();
  isBusy = false;
  await work();

  async function work(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    for (let next = messages.shift(); next !== undefined && !client.destroyed; next = messages.shift()) {
      if (next.text === undefined) server?.write(next.bytes);
      else await exchange(next.text, next.bytes);
    }
    isBusy = false;
  }

  async function exchange(text: string, bytes: Buffer): Promise<void> {
    held = [];
    const fate = await interpose({ text, clientPort, forward: () => handOn(bytes) });
    if (fate === "reply") {
      for (const chunk of held) client.write(chunk);
      held = undefined;
      if (server?.closed) client.end();
      return;
    }
    keepsServer = fate === "later";
    client.destroy();
    if (fate === "cut") server?.destroy();
  }

  async function handOn(bytes: Buffer): Promise<void> {
    if (server === undefined || server.closed) return;
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    server.write(bytes);
    await answer;
    answered = () => {};
    if (keepsServer) server.destroy();
  }
}
