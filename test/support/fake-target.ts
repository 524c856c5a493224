import { createServer, type Server, type Socket } from "node:net";

/** What the server is asked: one JSON object on a line of its own. The answer is one, too, with the same `id`. */
export interface FakeRequest {
  readonly id: number;
  /** "set": makes the user accept exactly `passwords`. All three sign in first. */
  readonly op: "sign-in" | "set" | "sessions";
  readonly username: string;
  readonly password: string;
  readonly passwords?: readonly string[];
  /** For whose sake: the VersionId of the candidate. */
  readonly versionId?: string;
}

export interface FakeReply {
  readonly id: number;
  readonly accepted: boolean;
  readonly sessions?: readonly { readonly application: string; readonly ageMs: number }[];
}

/**
 * How one request ends. "refuse": it is not taken. "lose-request": the connection ends before the effect. "lose-reply":
 * after it. "hang": nothing is said.
 */
export type FakeFault = "refuse" | "lose-request" | "lose-reply" | "hang";

/** One change of what a user accepts. */
export interface FakeChange {
  readonly username: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The candidate for whose sake a strategy made it; absent: a person. */
  readonly versionId?: string;
}

/** A target in this process: users, the passwords that each accepts, and the sessions that are open. */
export interface FakeTarget extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The passwords that the user accepts now. Empty for a user that is not there. */
  passwordsOf(username: string): readonly string[];
  accepts(login: { readonly username: string; readonly password: string }): boolean;
  /** Sets them by hand. */
  setPasswords(username: string, passwords: readonly string[]): void;
  /** Signs in as a dependent does, and stays; an older session of this application ends. False: refused. */
  openSession(login: { readonly username: string; readonly password: string }, application: string): boolean;
  /** The user and all of its sessions are gone. */
  drop(username: string): void;
  /** Answers one request as if it had arrived on a connection, without the fault that it would meet. */
  answer(request: FakeRequest): FakeReply;
  /** Asked of each request that arrives; set to make faults. */
  fault: (request: FakeRequest) => FakeFault | undefined;
  /** Told of every change, at that instant. */
  onChange: (change: FakeChange) => void;
  /** Requests that have arrived. */
  requests(): number;
}

interface User {
  passwords: readonly string[];
  /** By application: when it began, in milliseconds since the epoch. */
  readonly sessions: Map<string, number>;
}

/**
 * Starts it on a free port of the loopback address. Connections stay open between requests.
 * @param now the time, in milliseconds since the epoch, by which sessions have an age
 */
export async function startFakeTarget(now: () => number = Date.now): Promise<FakeTarget> {
  const users = new Map<string, User>();
  const sockets = new Set<Socket>();
  let requests = 0;

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    let rest = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) serve(socket, JSON.parse(line) as FakeRequest);
    });
  });
  const host = "127.0.0.1";
  const port = await listen(server, host);

  const target: FakeTarget = {
    host,
    port,
    passwordsOf: (username) => users.get(username)?.passwords ?? [],
    accepts: ({ username, password }) => target.passwordsOf(username).includes(password),
    setPasswords: (username, passwords) => change(username, passwords),
    openSession(login, application) {
      if (!target.accepts(login)) return false;
      users.get(login.username)?.sessions.set(application, now());
      return true;
    },
    answer,
    drop: (username) => void users.delete(username),
    fault: () => undefined,
    onChange: () => {},
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return target;

  function serve(socket: Socket, request: FakeRequest): void {
    requests += 1;
    const fault = target.fault(request);
    if (fault === "hang") return;
    if (fault === "refuse" || fault === "lose-request") return void socket.destroy();
    const reply = answer(request);
    if (fault === "lose-reply") return void socket.destroy();
    socket.write(`${JSON.stringify(reply)}\n`);
  }

  function answer(request: FakeRequest): FakeReply {
    const { id, username } = request;
    if (!target.accepts(request)) return { id, accepted: false };
    if (request.op === "set") change(username, request.passwords ?? [], request.versionId);
    if (request.op !== "sessions") return { id, accepted: true };
    const sessions = [...(users.get(username)?.sessions ?? [])];
    return {
      id,
      accepted: true,
      sessions: sessions.map(([application, at]) => ({ application, ageMs: now() - at })),
    };
  }

  function change(username: string, passwords: readonly string[], versionId?: string): void {
    const user = users.get(username) ?? { passwords: [], sessions: new Map() };
    const before = user.passwords;
    user.passwords = [...passwords];
    users.set(username, user);
    target.onChange({ username, before, after: user.passwords, ...(versionId === undefined ? {} : { versionId }) });
  }
}

function listen(server: Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, () => resolve((server.address() as { port: number }).port));
  });
}
