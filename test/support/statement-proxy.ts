import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import { type Interpose, joinInterposed } from "./interposed.ts";

/** What a client has sent, cut where the protocol cuts it: a statement, or something without a text, such as a packet of a handshake. */
export interface Message {
  readonly text: string | undefined;
  readonly bytes: Buffer;
}

/** Reads one connection of a protocol. */
export interface Reader {
  /** Puts what came in chunks together to messages. */
  read(chunk: Buffer): readonly Message[];
  /** Is shown all that the server says: whether a statement's effect has landed with it. Absent: it has with the first word. */
  isReplied?(chunk: Buffer): boolean;
}

/**
 * A proxy in front of a server that speaks without TLS, for faults on the way. Every fault holds for connections made after it was
 * set, and until `pass()`.
 */
export interface StatementProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Connections that clients have made since the proxy was started. */
  connections(): number;
  /** The statements that clients have sent. */
  statements(): readonly string[];
  /** Hands everything through. */
  pass(): void;
  /** Nobody listens any more. */
  refuse(): Promise<void>;
  /** Accepts connections, and says nothing. */
  hang(): void;
  /** Cuts the connection in place of handing on the next `times` statements that match: their effect never lands. */
  loseStatement(statement: RegExp, times?: number): void;
  /** Hands on the next `times` statements that match, waits for their effect, and cuts the connection in place of the reply. */
  loseReply(statement: RegExp, times?: number): void;
}

type Mode =
  | { readonly kind: "pass" | "hang" }
  | { readonly kind: "statement" | "reply"; readonly statement: RegExp; left: number };

/**
 * @param reader made for each connection
 * @param interpose decides about each connection and each statement, in place of the faults above
 */
export async function startStatementProxy(
  target: { host: string; port: number },
  reader: () => Reader,
  interpose?: Interpose,
): Promise<StatementProxy> {
  const host = "127.0.0.1";
  const sockets = new Set<Socket>();
  const statements: string[] = [];
  let mode: Mode = { kind: "pass" };
  let connections = 0;

  // Without noDelay, small packets wait for each other, 40 ms at a time.
  const server = createServer({ noDelay: true }, (client) => {
    connections += 1;
    track(client, sockets);
    if (mode.kind === "hang") {
      return;
    }
    const connect = () => {
      const upstream = tcpConnect({ port: target.port, host: target.host, noDelay: true });
      track(upstream, sockets);
      return upstream;
    };
    if (interpose === undefined) join(client, connect(), mode, statements, reader());
    else void joinInterposed(client, connect, reader(), interpose);
  });
  const port = await listen(server, host, 0);

  const refuse = async () => {
    if (server.listening) {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    }
  };
  return {
    host,
    port,
    connections: () => connections,
    statements: () => statements,
    pass: () => {
      mode = { kind: "pass" };
      if (!server.listening) server.listen(port, host);
    },
    refuse,
    hang: () => {
      mode = { kind: "hang" };
    },
    loseStatement: (statement, times = 1) => {
      mode = { kind: "statement", statement, left: times };
    },
    loseReply: (statement, times = 1) => {
      mode = { kind: "reply", statement, left: times };
    },
    [Symbol.asyncDispose]: refuse,
  };
}

// --- one connection ---

function join(
  client: Socket,
  upstream: Socket,
  mode: Mode,
  statements: string[],
  { read, isReplied = () => true }: Reader,
): void {
  const cut = () => {
    client.destroy();
    upstream.destroy();
  };
  client.on("close", cut);
  upstream.on("close", cut);

  // Once a statement is caught, the server's words no longer reach the client.
  let caught = false;
  client.on("data", (chunk: Buffer) => {
    for (const { text, bytes } of read(chunk)) {
      if (text !== undefined) statements.push(text);
      if (
        (mode.kind === "statement" || mode.kind === "reply") &&
        mode.left > 0 &&
        text !== undefined &&
        mode.statement.test(text)
      ) {
        mode.left -= 1;
        if (mode.kind === "statement") {
          cut();
          return;
        }
        caught = true;
      }
      upstream.write(bytes);
    }
  });
  // Our own connections wait for each reply: what comes after a caught statement is its reply.
  upstream.on("data", (chunk: Buffer) => {
    const replied = isReplied(chunk);
    if (!caught) client.write(chunk);
    else if (replied) cut();
  });
}

// --- sockets ---

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function track(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => sockets.delete(socket));
}
