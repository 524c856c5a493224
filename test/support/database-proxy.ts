import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";

/**
 * A proxy in front of a PostgreSQL that speaks without TLS, for faults on the way. Every fault holds for connections made after it was
 * set, and until `pass()`.
 */
export interface DatabaseProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Connections that clients have tried to make and that were let in, since the proxy was started. */
  connections(): number;
  /** Hands everything through. */
  pass(): void;
  /** Nobody listens any more. */
  refuse(): Promise<void>;
  /** Accepts connections, and says nothing. */
  hang(): void;
  /** Cuts every connection this many milliseconds after it was made. */
  cutAfter(milliseconds: number): void;
  /** Cuts the connection in place of handing on the next `times` statements that match: their effect never lands. */
  loseStatement(statement: RegExp, times?: number): void;
  /** Hands on the next `times` statements that match, waits for their effect, and cuts the connection in place of the reply. */
  loseReply(statement: RegExp, times?: number): void;
  close(): Promise<void>;
}

type Mode =
  | { readonly kind: "pass" | "hang" }
  | { readonly kind: "cut"; readonly milliseconds: number }
  | { readonly kind: "statement" | "reply"; readonly statement: RegExp; left: number };

export async function startDatabaseProxy(target: { host: string; port: number }): Promise<DatabaseProxy> {
  const host = "127.0.0.1";
  const sockets = new Set<Socket>();
  let mode: Mode = { kind: "pass" };
  let connections = 0;

  const server = createServer((client) => {
    connections += 1;
    track(client, sockets);
    if (mode.kind === "hang") {
      return;
    }
    const upstream = tcpConnect(target.port, target.host);
    track(upstream, sockets);
    join(client, upstream, mode);
  });
  const port = await listen(server, host, 0);

  const proxy: DatabaseProxy = {
    host,
    port,
    connections: () => connections,
    pass: () => {
      mode = { kind: "pass" };
      if (!server.listening) {
        server.listen(port, host);
      }
    },
    refuse: async () => {
      if (server.listening) {
        const closed = new Promise((resolve) => server.close(resolve));
        destroyAll(sockets);
        await closed;
      }
    },
    hang: () => {
      mode = { kind: "hang" };
    },
    cutAfter: (milliseconds) => {
      mode = { kind: "cut", milliseconds };
    },
    loseStatement: (statement, times = 1) => {
      mode = { kind: "statement", statement, left: times };
    },
    loseReply: (statement, times = 1) => {
      mode = { kind: "reply", statement, left: times };
    },
    close: () => proxy.refuse(),
    [Symbol.asyncDispose]: () => proxy.refuse(),
  };
  return proxy;
}

// --- one connection ---

function join(client: Socket, upstream: Socket, mode: Mode): void {
  const cut = () => {
    client.destroy();
    upstream.destroy();
  };
  client.on("close", cut);
  upstream.on("close", cut);

  if (mode.kind === "cut") {
    setTimeout(cut, mode.milliseconds).unref();
  }
  if (mode.kind !== "statement" && mode.kind !== "reply") {
    client.pipe(upstream);
    upstream.pipe(client);
    return;
  }

  // Once a statement is caught, the server's words no longer reach the client.
  let caught = false;
  const requests = messages("startup");
  const replies = messages("typed");
  client.on("data", (chunk: Buffer) => {
    for (const message of requests(chunk)) {
      if (isStatement(message) && mode.left > 0 && mode.statement.test(message.toString("utf8", 5))) {
        mode.left -= 1;
        if (mode.kind === "statement") {
          cut();
          return;
        }
        caught = true;
      }
      upstream.write(message);
    }
  });
  let first = true;
  upstream.on("data", (chunk: Buffer) => {
    // The answer to the request for TLS is one byte, without a length.
    const isTlsAnswer = first && chunk.length === 1;
    first = false;
    if (!isTlsAnswer && replies(chunk).some((message) => caught && message[0] === "Z".charCodeAt(0))) {
      cut();
    } else if (!caught) {
      client.write(chunk);
    }
  });
}

/** Query, or Parse of the extended protocol. */
function isStatement(message: Buffer): boolean {
  return message[0] === "Q".charCodeAt(0) || message[0] === "P".charCodeAt(0);
}

/** Puts the protocol's messages together again. A client's first ones (request for TLS, startup) have a length, but no type. */
function messages(begin: "startup" | "typed"): (chunk: Buffer) => Buffer[] {
  const TLS_REQUEST = 80_877_103;
  let rest = Buffer.alloc(0);
  let typed = begin === "typed";
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const whole: Buffer[] = [];
    for (;;) {
      const prefix = typed ? 1 : 0;
      if (rest.length < prefix + 4) {
        return whole;
      }
      const end = prefix + rest.readInt32BE(prefix);
      if (rest.length < end) {
        return whole;
      }
      const message = rest.subarray(0, end);
      whole.push(message);
      rest = rest.subarray(end);
      typed ||= message.length < 8 || message.readInt32BE(4) !== TLS_REQUEST;
    }
  };
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

function destroyAll(sockets: Set<Socket>): void {
  for (const socket of sockets) {
    socket.destroy();
  }
}
