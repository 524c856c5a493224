import { execFile } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import {
  isAccepted,
  serverTimeouts,
  signIn,
  withSession,
  withWritableSession,
} from "../../core/strategies/postgres-connection.ts";
import type { PostgresCredential } from "../../core/strategies/postgres-credential.ts";
import { look } from "../../core/strategies/postgres-look.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import { type Database, startDatabase } from "../../local/database.ts";
import { connectAs, queryAs, uniqueName, useDatabase } from "../support/database.ts";

const run = promisify(execFile);
const database = useDatabase();

const context = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: async () => ({}),
  timeoutMs: 5000,
  policy: { openSessions: "report" as const },
  signal: new AbortController().signal,
};

function adminOf(facts: {
  host: string;
  port: number;
  admin: { username: string; password: string };
}): PostgresCredential {
  const { username, password } = facts.admin;
  return { engine: "postgres", host: facts.host, port: facts.port, username, password };
}

async function nameOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error) => error.name,
  );
}

test("the server gives up before we do, for any time we may wait", () => {
  for (const timeoutMs of [10, 250, 5000, 30_000]) {
    const { lockTimeoutMs, statementTimeoutMs } = serverTimeouts(timeoutMs);

    expect(lockTimeoutMs).toBeLessThanOrEqual(statementTimeoutMs);
    expect(statementTimeoutMs).toBeLessThan(timeoutMs);
  }
});

test("a look has limits of its own, reads only, and leaves nothing behind in the session", async () => {
  await withSession(adminOf(database), context, async (session) => {
    const settings = async () => {
      const names = ["jit", "lock_timeout", "role", "search_path", "statement_timeout", "transaction_read_only"];
      const rows = await session.query("SELECT name, setting FROM pg_settings WHERE name = ANY($1)", [names]);
      return Object.fromEntries(rows.map((row) => [row["name"], row["setting"]]));
    };
    const before = await settings();

    const during = await look(session, context, settings);

    expect(during).toMatchObject({ lock_timeout: "2500", search_path: "pg_catalog", statement_timeout: "4000" });
    expect(during).toMatchObject({ jit: "off", transaction_read_only: "on" });
    expect(await settings()).toEqual(before);
  });
});

test("the server is told its limits, and our name", async () => {
  const settings = await withWritableSession(adminOf(database), context, (session) =>
    session.query(
      "SELECT name, setting FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout', 'application_name')",
    ),
  );

  expect(Object.fromEntries(settings.map((row) => [row["name"], row["setting"]]))).toEqual({
    application_name: "rotor",
    lock_timeout: "2500",
    statement_timeout: "4000",
  });
});

test("a statement that takes too long is cancelled by the server, and is TargetUnavailable", async () => {
  const sleeping = withWritableSession(adminOf(database), { ...context, timeoutMs: 500 }, (session) =>
    session.query("SELECT pg_sleep(30)"),
  );

  await expect(sleeping).rejects.toMatchObject({
    name: "TargetUnavailable",
    message: expect.stringContaining("SQLSTATE 57014"),
  });
});

test("a role that somebody else is changing is TargetUnavailable, and not waited for longer than is allowed", async () => {
  const [username, password] = [uniqueName("locked"), "first-password"];
  await database.createRole(username, password);
  const holder = await connectAs(database.admin);
  await holder.query(`BEGIN; ALTER ROLE ${username} CONNECTION LIMIT 50`);
  const base = { ...adminOf(database), username, password };
  const candidate = { ...base, password: "second-password" };

  const set = postgresSingleUser.setSecret({ base, candidate }, { ...context, timeoutMs: 600 });

  await expect(set).rejects.toMatchObject({
    name: "TargetUnavailable",
    message: expect.stringContaining("SQLSTATE 55P03"),
  });
  await holder.end();
  expect(await signIn(base, context)).toBe("accepted");
});

test("no session of ours is left open, whatever happens", async () => {
  const username = uniqueName("leftover");
  await database.createRole(username, "first-password");
  const credential = { ...adminOf(database), username, password: "first-password" };

  await nameOf(withSession(credential, context, (session) => session.query("SELECT 1/0")));
  await nameOf(
    withSession(credential, { ...context, timeoutMs: 200 }, (session) => session.query("SELECT pg_sleep(1)")),
  );
  await nameOf(
    withSession(credential, context, async () => {
      throw new Error("ours");
    }),
  );

  await expect
    .poll(() => database.query("SELECT pid FROM pg_stat_activity WHERE usename = $1", [username]), { timeout: 10_000 })
    .toEqual([]);
});

test("a user who may not connect to the database is AccessDenied, and rejected in the truth table", async () => {
  const [username, name] = [uniqueName("outsider"), uniqueName("closed")];
  await database.createRole(username, "first-password");
  await database.query(`CREATE DATABASE ${name}`);
  await database.query(`REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`);
  const credential = { ...adminOf(database), username, password: "first-password", dbname: name };

  expect(await nameOf(isAccepted(credential, context))).toBe("AccessDenied");
  expect(await signIn(credential, context)).toBe("rejected");
});

test("a database that does not exist leaves the truth open", async () => {
  const credential = { ...adminOf(database), dbname: uniqueName("nowhere") };

  expect(await nameOf(isAccepted(credential, context))).toBe("ConfigurationInvalid");
  expect(await signIn(credential, context)).toBe("unreachable");
});

test("a host without a name is TargetUnavailable", async () => {
  const credential = { ...adminOf(database), host: "database.invalid" };

  expect(await nameOf(isAccepted(credential, context))).toBe("TargetUnavailable");
});

test("nothing is begun once the signal has aborted", async () => {
  const signal = AbortSignal.abort();

  expect(await nameOf(isAccepted(adminOf(database), { ...context, signal }))).toBe("TargetUnavailable");
});

test("a standby signs users in, and is TargetUnavailable for changes", async () => {
  await using standby = await startDatabase();
  await makeStandby(standby);
  const credential = adminOf(standby);
  await expect.poll(() => signIn(credential, context), { timeout: 20_000 }).toBe("accepted");

  const change = withWritableSession(credential, context, (session) => session.query("SELECT 1"));

  await expect(change).rejects.toMatchObject({
    name: "TargetUnavailable",
    message: expect.stringContaining("standby"),
  });
});

/** A server that comes back from a crash and finds this file believes that another is the primary. */
async function makeStandby(server: Database): Promise<void> {
  const data = join(server.directory, "data");
  const { uid, gid } = await stat(data);
  await writeFile(join(data, "standby.signal"), "");
  await chown(join(data, "standby.signal"), uid, gid);
  const victim = await connectAs(server.admin);
  const { rows } = await victim.query("SELECT pg_backend_pid() AS pid");
  const ended = new Promise((resolve) => victim.once("end", resolve));
  process.kill(rows[0].pid, "SIGKILL");
  await ended;
}

test("a server without TLS serves where ssl is absent or false, and is refused where it is true", async () => {
  const credential = adminOf(database);

  expect(await signIn(credential, context)).toBe("accepted");
  expect(await signIn({ ...credential, ssl: "false" }, context)).toBe("accepted");
  expect(await nameOf(isAccepted({ ...credential, ssl: "true" }, context))).toBe("ConfigurationInvalid");
});

test("after the downgrade, the password is not told to whoever asks for it", async () => {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      heard.push(chunk);
      // "N" to the request for TLS, then AuthenticationCleartextPassword.
      socket.write(chunk.length === 8 ? "N" : Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const credential = { ...adminOf(database), host: "127.0.0.1", port, password: "hunter2-secret" };

  const guarded = await nameOf(isAccepted(credential, { ...context, timeoutMs: 1000 }));
  const heardGuarded = Buffer.concat(heard).toString("latin1");
  await nameOf(isAccepted({ ...credential, ssl: false }, { ...context, timeoutMs: 300 }));
  server.close();

  expect(guarded).toBe("TargetUnavailable");
  expect(heardGuarded).toContain("postgres");
  expect(heardGuarded).not.toContain("hunter2");
  // The owner's own choice of no TLS is obeyed: this server would have heard it, had it been told.
  expect(Buffer.concat(heard).toString("latin1")).toContain("hunter2");
});

const openssl = await run("openssl", ["version"]).then(
  () => true,
  () => false,
);

// Where every engine has to be there, a missing one is a failure.
test.skipIf(!openssl && process.env.REQUIRE_ENGINES !== "1")(
  "a certificate is verified, with its host name (needs the openssl command)",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "rotor-tls-"));
    await using server = await startDatabase();
    const authority = await offerTls(server, folder);
    const attempt = async (host: string, ssl: boolean | undefined, trusts: boolean) => {
      const script = join(folder, "sign-in.ts");
      const modules = new URL("../../core/strategies/postgres-connection.ts", import.meta.url).href;
      await writeFile(
        script,
        `import { signIn } from ${JSON.stringify(modules)};
      const [credential, context] = JSON.parse(process.env["ATTEMPT"] ?? "");
      signIn(credential, { ...context, signal: new AbortController().signal }).then(console.log);`,
      );
      const credential = { ...adminOf(server), host, ssl };
      const { stdout } = await run(process.execPath, ["--import", import.meta.resolve("tsx"), script], {
        env: {
          ...process.env,
          ATTEMPT: JSON.stringify([credential, { versionId: "v-1", timeoutMs: 5000 }]),
          ...(trusts && { NODE_EXTRA_CA_CERTS: authority }),
        },
      });
      return stdout.trim();
    };

    const said = await Promise.all([
      attempt("localhost", true, true),
      attempt("localhost", undefined, true),
      attempt("127.0.0.1", true, true),
      attempt("localhost", true, false),
      attempt("localhost", undefined, false),
    ]);
    const log = await server.log();
    await rm(folder, { recursive: true });

    expect(said).toEqual(["accepted", "accepted", "unreachable", "unreachable", "accepted"]);
    expect(log.match(/connection authorized: .*SSL enabled/g)).toHaveLength(2);
  },
);

/** Makes a certificate for "localhost" alone, lets the server use it, and returns the path of its authority. */
async function offerTls(server: Database, folder: string): Promise<string> {
  const [key, certificate] = [join(folder, "server.key"), join(folder, "server.crt")];
  await run("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
    ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
  ]);
  const data = join(server.directory, "data");
  const { uid, gid } = await stat(data);
  for (const [name, source] of [["server.key", key] as const, ["server.crt", certificate] as const]) {
    await writeFile(join(data, name), await readFile(source), { mode: 0o600 });
    await chown(join(data, name), uid, gid);
  }
  await queryAs(server.admin, "ALTER SYSTEM SET ssl = on");
  await queryAs(server.admin, "ALTER SYSTEM SET log_connections = on");
  await queryAs(server.admin, "SELECT pg_reload_conf()");
  await expect.poll(async () => (await queryAs(server.admin, "SHOW ssl"))[0]?.["ssl"]).toBe("on");
  return certificate;
}
