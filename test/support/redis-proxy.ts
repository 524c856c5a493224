import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";

/**
 * A proxy in front of a Redis that speaks without TLS, for faults on the way. Every fault holds for connections made after it was
 * set, and until `pass()`. Commands are matched as one text, "ACL SETUSER orders #...".
 */
export interface RedisProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Connections that clients have made since the proxy was started. */
  connections(): number;
  /** The commands that clients have sent, as texts. */
  commands(): readonly string[];
  /** Hands everything through. */
  pass(): void;
  /** Nobody listens any more. */
  refuse(): Promise<void>;
  /** Accepts connections, and says nothing. */
  hang(): void;
  /** Cuts the connection in place of handing on the next command that matches: its effect never lands. */
  loseCommand(command: RegExp): void;
  /** Hands on the next command that matches, waits for its effect, and cuts the connection in place of the reply. */
  loseReply(command: RegExp): void;
}

type Mode =
  | { readonly kind: "pass" | "hang" }
  | { readonly kind: "command" | "reply"; readonly command: RegExp; left: number };

export async function startRedisProxy(target: { host: string; port: number }): Promise<RedisProxy> {
  const host = "127.0.0.1";
  const sockets = new Set<Socket>();
  const commands: string[] = [];
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
    join(client, upstream, mode, commands);
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
    commands: () => commands,
    pass: () => {
      mode = { kind: "pass" };
      if (!server.listening) server.listen(port, host);
    },
    refuse,
    hang: () => {
      mode = { kind: "hang" };
    },
    loseCommand: (command) => {
      mode = { kind: "command", command, left: 1 };
    },
    loseReply: (command) => {
      mode = { kind: "reply", command, left: 1 };
    },
    [Symbol.asyncDispose]: refuse,
  };
}

// --- one connection ---

function join(client: Socket, upstream: Socket, mode: Mode, commands: string[]): void {
  const cut = () => {
    client.destroy();
    upstream.destroy();
  };
  client.on("close", cut);
  upstream.on("close", cut);

  // Once a command is caught, the server's words no longer reach the client.
  let caught = false;
  const read = commandReader();
  client.on("data", (chunk: Buffer) => {
    for (const { text, bytes } of read(chunk)) {
      commands.push(text);
      if ((mode.kind === "command" || mode.kind === "reply") && mode.left > 0 && mode.command.test(text)) {
        mode.left -= 1;
        if (mode.kind === "command") {
          cut();
          return;
        }
        caught = true;
      }
      upstream.write(bytes);
    }
  });
  // Our own connections wait for each reply: the first bytes after a caught command are its reply.
  upstream.on("data", (chunk: Buffer) => (caught ? cut() : client.write(chunk)));
}

/** Puts commands together again: `*<count>`, and for each argument `$<bytes>` and the argument, each ended by CR LF. */
function commandReader(): (chunk: Buffer) => { text: string; bytes: Buffer }[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const whole: { text: string; bytes: Buffer }[] = [];
    for (;;) {
      const command = readCommand(rest);
      if (command === undefined) return whole;
      whole.push({ text: command.words.join(" "), bytes: rest.subarray(0, command.end) });
      rest = rest.subarray(command.end);
    }
  };
}

function readCommand(bytes: Buffer): { words: string[]; end: number } | undefined {
  let at = 0;
  const readLength = (): number | undefined => {
    const end = bytes.indexOf("\r\n", at);
    if (end === -1) return undefined;
    const length = Number(bytes.toString("latin1", at + 1, end));
    at = end + 2;
    return length;
  };
  const count = readLength();
  if (count === undefined) return undefined;
  const words: string[] = [];
  while (words.length < count) {
    const length = readLength();
    if (length === undefined || bytes.length < at + length + 2) return undefined;
    words.push(bytes.toString("utf8", at, at + length));
    at += length + 2;
  }
  return { words, end: at };
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
