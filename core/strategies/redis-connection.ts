import { isIP, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { accepted } from "./accepted.ts";
import { addressOf, type RedisLogin, usesTls } from "./redis-credential.ts";
import { type Attempt, codeOf, toRotationError } from "./redis-errors.ts";
import type { RotationContext, SignIn } from "./strategy.ts";

/** How our own connections call themselves. */
const CLIENT_NAME = "rotor";

/** How long the server may take to close the connection after us, in milliseconds. */
const CLOSE_MS = 1000;

export interface RedisSession {
  /** What HELLO says of the connection and the server. Absent: HELLO is denied, as Redis 6 can and later ones cannot. */
  readonly server?: { readonly id: number; readonly mode: string; readonly role: string };
  /**
   * @param command the name, and the name of the subcommand where there is one, such as "ACL SETUSER"
   * @throws RotationError as the tables in redis-errors.ts say
   */
  call(command: string, ...args: readonly string[]): Promise<unknown>;
}

type Driver = typeof import("ioredis");
type Context = Pick<RotationContext, "timeoutMs" | "signal" | "versionId">;

/**
 * Runs `work` in a connection of its own, which is closed afterwards in every case. `context.timeoutMs` bounds the connection
 * and each command (ms); `context.signal` closes the socket at once.
 *
 * Signs in with AUTH, which no server shows in MONITOR or SLOWLOG and every user may send, and introduces itself with HELLO.
 * @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid (TLS, older than Redis 6)
 */
export async function withSession<T>(
  login: RedisLogin,
  context: Context,
  work: (session: RedisSession) => Promise<T>,
): Promise<T> {
  const connection = await connect(login, context);
  try {
    await connection.call("AUTH", login.username, login.password);
    return await work({ ...(await introduce(connection)), call: connection.call });
  } finally {
    await connection.end();
  }
}

/**
 * One sign-in, nothing else.
 * @returns whether the credential was accepted
 * @throws RotationError for everything that leaves this open: TargetUnavailable, AccessDenied, ConfigurationInvalid
 */
export async function isAccepted(login: RedisLogin, context: Context): Promise<boolean> {
  return accepted(withSession(login, context, async () => {}));
}

/** One sign-in for the truth table. */
export async function signIn(login: RedisLogin, context: Context): Promise<SignIn> {
  try {
    return (await isAccepted(login, context)) ? "accepted" : "rejected";
  } catch {
    return "unreachable";
  }
}

/** What a reply in RESP2 makes of a map: name, value, name, value. */
export function pairs(reply: unknown): ReadonlyMap<string, unknown> {
  const flat: readonly unknown[] = Array.isArray(reply) ? reply : [];
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[String(name), flat[index + 1]]] : [])));
}

async function introduce({ call }: Connection): Promise<Pick<RedisSession, "server">> {
  try {
    const hello = pairs(await call("HELLO", "2", "SETNAME", CLIENT_NAME));
    return {
      server: { id: Number(hello.get("id")), mode: String(hello.get("mode")), role: String(hello.get("role")) },
    };
  } catch (error) {
    if (codeOf(error) === "NOPERM") return {};
    throw error;
  }
}

// --- one connection ---

interface Connection extends Pick<RedisSession, "call"> {
  end(): Promise<void>;
}

async function connect(login: RedisLogin, context: Context): Promise<Connection> {
  // A CommonJS module: where bundles are split, it has nothing but its default.
  const driver = (await import("ioredis")).default as unknown as Driver;
  const { host, port } = addressOf(login);
  const attempt: Attempt = { host, port, versionId: context.versionId };
  if (context.signal.aborted) {
    throw toRotationError(undefined, attempt);
  }
  const tls = usesTls(login);
  const socket = openSocket({ host, port }, tls);
  // The driver answers every lost connection with the same error; the one that says why comes here. It may come before the driver
  // listens: where there is no way to the address, say.
  let reason: unknown;
  const keepReason = (error: unknown) => {
    reason ??= error;
  };
  socket.on("error", keepReason);
  const client = new driver.Redis({
    Connector: connectorOf(driver, socket),
    ...(tls && { tls: {} }),
    lazyConnect: true,
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    // One connection, one attempt: whether there is another is the workflow's to say.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => null,
    connectTimeout: 0,
  });
  client.on("error", keepReason);
  const explain = (error: unknown) =>
    error instanceof Error && error.name === "ReplyError" ? error : (reason ?? error);

  try {
    await withinTime(() => client.connect(), socket, context);
  } catch (error) {
    socket.destroy();
    throw toRotationError(explain(error), { ...attempt, awaitsTls: tls });
  }
  return {
    call: async (command, ...args) => {
      const [name = command, ...words] = command.split(" ");
      try {
        return await withinTime(() => client.call(name, ...words, ...args), socket, context);
      } catch (error) {
        throw toRotationError(explain(error), { ...attempt, command });
      }
    },
    end: async () => {
      const closed = new Promise<void>((resolve) =>
        socket.closed ? resolve() : socket.once("close", () => resolve()),
      );
      const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
      client.disconnect();
      await closed;
      clearTimeout(timer);
    },
  };
}

/** The trusted authorities are the process's own: NODE_EXTRA_CA_CERTS adds more. */
function openSocket({ host, port }: { host: string; port: number }, tls: boolean): Socket {
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return tls ? connectTls({ host, port, ...servername, rejectUnauthorized: true }) : new Socket().connect(port, host);
}

/** Hands the driver our socket, so that we can close it at any instant. */
function connectorOf({ AbstractConnector }: Driver, socket: Socket) {
  return class extends AbstractConnector {
    constructor() {
      super(CLOSE_MS);
    }
    override async connect(): Promise<Socket> {
      this.stream = socket;
      return socket;
    }
  };
}

/** Closes the socket, which fails `work`, when the time is over or the signal aborts. */
async function withinTime<T>(work: () => Promise<T>, socket: Socket, { timeoutMs, signal }: Context): Promise<T> {
  const stop = () => socket.destroy();
  const timer = setTimeout(stop, timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) {
      stop();
      throw new Error("stopped");
    }
    return await work();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
