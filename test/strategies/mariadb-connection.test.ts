import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { asAdministrator } from "../../core/strategies/mariadb-administrator.ts";
import {
  isAccepted,
  serverTimeouts,
  signIn,
  testSecret,
  withSession,
  withWritableSession,
} from "../../core/strategies/mariadb-connection.ts";
import type { MariadbCredential } from "../../core/strategies/mariadb-credential.ts";
import { mariadbSingleUser } from "../../core/strategies/mariadb-single-user.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, named, startMariadb, type TestMariadb, useMariadb } from "../support/mariadb.ts";
import { startMariadbProxy } from "../support/mariadb-proxy.ts";

const run = promisify(execFile);

const context = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: async () => ({}),
  timeoutMs: 5000,
  policy: { openSessions: "report" as const },
  signal: new AbortController().signal,
};

function adminOf({ host, port, admin }: TestMariadb): MariadbCredential {
  return { engine: "mariadb", host, port, ...admin };
}

async function nameOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error) => error.name,
  );
}

test("the server gives up before we do, for any time we may wait", () => {
  for (const timeoutMs of [10, 250, 1000, 5000, 30_000]) {
    const { lockWaitSeconds, statementSeconds } = serverTimeouts(timeoutMs);

    expect(lockWaitSeconds).toBeLessThanOrEqual(statementSeconds);
    expect(statementSeconds * 1000).toBeLessThan(timeoutMs);
    expect(Number.isInteger(lockWaitSeconds)).toBe(true);
  }
});

describe.skipIf(mariadbIsMissing)(named("a connection to a MariaDB"), () => {
  const mariadb = useMariadb({ options: ["--performance-schema=ON"] });

  test("tells the server its limits, and our name", async () => {
    const [limits, attributes] = await withWritableSession(adminOf(mariadb), context, async (session) => [
      await session.query("SELECT @@lock_wait_timeout, @@max_statement_time, @@sql_mode"),
      await session.query(
        `SELECT ATTR_VALUE FROM performance_schema.session_account_connect_attrs
        WHERE PROCESSLIST_ID = CONNECTION_ID() AND ATTR_NAME = 'program_name'`,
      ),
    ]);

    expect([limits, attributes]).toEqual([[["2", "4", "NO_AUTO_CREATE_USER"]], [["rotor"]]]);
  });

  test("makes no account by granting to one that is gone", async () => {
    const granting = withWritableSession(adminOf(mariadb), context, (session) =>
      session.query("GRANT SELECT ON *.* TO gone"),
    );

    expect(await nameOf(granting)).toBe("TargetUnavailable");
    expect(await mariadb.query("SELECT User FROM mysql.global_priv WHERE User = 'gone'")).toEqual([]);
  });

  test("signs in without any statement", async () => {
    await using proxy = await startMariadbProxy(mariadb);

    await isAccepted({ ...adminOf(mariadb), host: proxy.host, port: proxy.port, ssl: false }, context);

    expect(proxy.statements()).toEqual([]);
  });

  test("that takes too long is ended by the server, and is TargetUnavailable", async () => {
    const sleeping = withWritableSession(adminOf(mariadb), { ...context, timeoutMs: 500 }, (session) =>
      session.query("SELECT * FROM information_schema.tables JOIN information_schema.columns WHERE SLEEP(0.1)"),
    );

    await expect(sleeping).rejects.toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringContaining("error 1969"),
    });
  });

  test("does not wait longer for a lock than is allowed, and leaves the credential as it was", async () => {
    const [username, password] = [uniqueName("locked"), "first-password"];
    await mariadb.createUser(username, password);
    const holder = await mariadb.connect(mariadb.admin);
    await holder.query("LOCK TABLES mysql.global_priv READ");
    const base = { ...adminOf(mariadb), username, password };
    const candidate = { ...base, password: "second-password" };

    const set = mariadbSingleUser.setSecret({ base, candidate }, { ...context, timeoutMs: 1000 });

    await expect(set).rejects.toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringMatching(/error (1205|1969)/),
    });
    await holder.end();
    expect(await signIn(base, context)).toBe("accepted");
  });

  test("is not left open, whatever happens", async () => {
    const username = uniqueName("leftover");
    await mariadb.createUser(username, "first-password");
    const credential = { ...adminOf(mariadb), username, password: "first-password" };

    await nameOf(withSession(credential, context, (session) => session.query("nonsense")));
    await nameOf(withSession(credential, { ...context, timeoutMs: 200 }, (session) => session.query("DO SLEEP(1)")));
    await nameOf(
      withSession(credential, context, async () => {
        throw new Error("ours");
      }),
    );

    await expect
      .poll(() => mariadb.query(`SELECT ID FROM information_schema.processlist WHERE USER = '${username}'`), {
        timeout: 10_000,
      })
      .toEqual([]);
  });

  test("of a user without a right to the database is AccessDenied, and rejected in the truth table", async () => {
    const username = uniqueName("outsider");
    await mariadb.createUser(username, "first-password");
    const credential = { ...adminOf(mariadb), username, password: "first-password", dbname: "mysql" };

    expect(await nameOf(isAccepted(credential, context))).toBe("AccessDenied");
    expect(await signIn(credential, context)).toBe("rejected");
  });

  test("of a locked account is AccessDenied with the right password, and rejected in the truth table", async () => {
    const username = uniqueName("locked");
    await mariadb.createUser(username, "first-password", { options: "ACCOUNT LOCK" });
    const credential = { ...adminOf(mariadb), username, password: "first-password" };

    expect(await nameOf(isAccepted(credential, context))).toBe("AccessDenied");
    expect(await signIn(credential, context)).toBe("rejected");
  });

  test("of an expired account signs in, and whatever it is for is AccessDenied: the password is the right one", async () => {
    const username = uniqueName("expired");
    await mariadb.createUser(username, "first-password", { options: "PASSWORD EXPIRE" });
    const base = { ...adminOf(mariadb), username, password: "first-password" };
    const denied = { name: "AccessDenied", message: expect.stringMatching(/expired.*error 1820/) };

    await expect(testSecret(base, context)).rejects.toMatchObject(denied);
    const set = mariadbSingleUser.setSecret({ base, candidate: { ...base, password: "second-password" } }, context);
    await expect(set).rejects.toMatchObject(denied);
    expect(await signIn(base, context)).toBe("accepted");
  });

  test("of an expired account that the server does not let in is AccessDenied, and rejected in the truth table", async () => {
    const username = uniqueName("expired");
    await mariadb.createUser(username, "first-password", { options: "PASSWORD EXPIRE" });
    const credential = { ...adminOf(mariadb), username, password: "first-password" };
    await mariadb.query("SET GLOBAL disconnect_on_expired_password = ON");
    try {
      await expect(isAccepted(credential, context)).rejects.toMatchObject({
        name: "AccessDenied",
        message: expect.stringMatching(/expired.*error 1862/),
      });
      expect(await signIn(credential, context)).toBe("rejected");
      expect(await signIn({ ...credential, password: "wrong" }, context)).toBe("rejected");
    } finally {
      await mariadb.query("SET GLOBAL disconnect_on_expired_password = OFF");
    }
  });

  test("from an address that the server does not talk to leaves the truth open: no credential was looked at", async () => {
    await using elsewhere = await startMariadb();
    const credential = adminOf(elsewhere);
    // MariaDB's own account at localhost is one that may come from here.
    await elsewhere.query("UPDATE mysql.global_priv SET Host = CONCAT('10.', Host)");
    await elsewhere.query("FLUSH PRIVILEGES");

    expect(await nameOf(isAccepted(credential, context))).toBe("AccessDenied");
    expect(await signIn(credential, context)).toBe("unreachable");
  });

  test.each([
    ["reads only by default", "SET GLOBAL tx_read_only = ON", "SET GLOBAL tx_read_only = OFF", 1792],
    ["became read-only after we looked", "SET GLOBAL read_only = ON", "SET GLOBAL read_only = OFF", 1290],
  ])("to a server that %s is TargetUnavailable for changes", async (_, on, off, number) => {
    const [username, password] = [uniqueName("weak"), "first-password"];
    await mariadb.createUser(username, password);
    const credential = { ...adminOf(mariadb), username, password };
    if (number === 1792) await mariadb.query(on);
    try {
      const change = withWritableSession(credential, context, async (session) => {
        if (number === 1290) await mariadb.query(on);
        return session.query("SET PASSWORD = '*74445CD742AF268FD22866DA0D12758951D638F7'");
      });

      await expect(change).rejects.toMatchObject({
        name: "TargetUnavailable",
        message: expect.stringContaining(`error ${number}`),
      });
    } finally {
      await mariadb.query(off);
    }
  });

  test("to a database that does not exist leaves the truth open", async () => {
    const credential = { ...adminOf(mariadb), dbname: uniqueName("nowhere") };

    expect(await nameOf(isAccepted(credential, context))).toBe("ConfigurationInvalid");
    expect(await signIn(credential, context)).toBe("unreachable");
  });

  test("to a host without a name is TargetUnavailable", async () => {
    expect(await nameOf(isAccepted({ ...adminOf(mariadb), host: "database.invalid" }, context))).toBe(
      "TargetUnavailable",
    );
  });

  test("is not begun once the signal has aborted", async () => {
    const signal = AbortSignal.abort();

    expect(await nameOf(isAccepted(adminOf(mariadb), { ...context, signal }))).toBe("TargetUnavailable");
  });

  test("of too many is TargetUnavailable", async () => {
    const username = uniqueName("limited");
    await mariadb.createUser(username, "first-password", { options: "WITH MAX_USER_CONNECTIONS 1" });
    const credential = { ...adminOf(mariadb), username, password: "first-password" };
    const pooled = await mariadb.connect(credential);

    const name = await nameOf(isAccepted(credential, context));
    await pooled.end();

    expect(name).toBe("TargetUnavailable");
  });

  test("to a server that looks at no password is no proof, whoever it lets in", async () => {
    await using open = await startMariadb({ options: ["--skip-grant-tables"] });
    const credential = { ...adminOf(open), password: "not the administrator's" };

    expect(await signIn(credential, context)).toBe("accepted");
    await expect(testSecret(credential, context)).rejects.toMatchObject({
      name: "ConfigurationInvalid",
      message: expect.stringContaining("looks at no password"),
    });
  });

  test("tells no age: an old session, right after a statement, looks like a new one", async () => {
    const username = uniqueName("pooled");
    await mariadb.createUser(username, "first-password");
    const idleMs = async () => {
      const [row] = await mariadb.query(
        `SELECT TIME_MS FROM information_schema.processlist WHERE USER = '${username}'`,
      );
      return Number(row?.["TIME_MS"]);
    };
    const pooled = await mariadb.connect({ username, password: "first-password" });
    const begunAt = performance.now();
    await expect.poll(idleMs, { timeout: 10_000 }).toBeGreaterThan(1000);

    await pooled.query("SELECT 1");
    const [seen, age] = [await idleMs(), performance.now() - begunAt];
    await pooled.end();

    expect(seen).toBeLessThan(age - 900);
  });

  test("to a server that has no place for another one leaves the truth open", async () => {
    await using crowded = await startMariadb({ options: ["--max-connections=10"] });
    await crowded.createUser("crowd", "first-password");
    const credential = { ...adminOf(crowded), username: "crowd", password: "first-password" };
    const pooled = await Promise.all(Array.from({ length: 9 }, () => crowded.connect(credential)));

    await expect(isAccepted(credential, context)).rejects.toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringContaining("error 1040"),
    });
    expect(await signIn(credential, context)).toBe("unreachable");
    await Promise.all(pooled.map((connection) => connection.end()));
  });

  test.each(["10.3.39-MariaDB", "8.0.16", "5.7.44-log"])(
    "to a server that is too old (%s) is ConfigurationInvalid for changes",
    async (version) => {
      await using old = await startMariadb({ options: [`--version=${version}`] });
      const change = withWritableSession(adminOf(old), context, (session) => session.query("SELECT 1"));

      await expect(change).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining("is older than MariaDB 10.4"),
      });
    },
  );

  test("to a replica signs users in, and is TargetUnavailable for changes", async () => {
    await mariadb.query("SET GLOBAL read_only = ON");
    try {
      const credential = adminOf(mariadb);
      const change = withWritableSession(credential, context, (session) => session.query("SELECT 1"));

      await expect(change).rejects.toMatchObject({
        name: "TargetUnavailable",
        message: expect.stringContaining("read-only"),
      });
      expect(await signIn(credential, context)).toBe("accepted");
    } finally {
      await mariadb.query("SET GLOBAL read_only = OFF");
    }
  });

  test("to a server without TLS is made where ssl is absent or false, and refused where it is true", async () => {
    const credential = adminOf(mariadb);

    expect(await signIn(credential, context)).toBe("accepted");
    expect(await signIn({ ...credential, ssl: "false" }, context)).toBe("accepted");
    expect(await nameOf(isAccepted({ ...credential, ssl: "true" }, context))).toBe("ConfigurationInvalid");
  });
});

describe("a server that is not what it should be", () => {
  /** Greets as MariaDB does; `answer` is what it says to whoever signs in. */
  async function impostor(answer: (socket: Socket) => void, capabilities = 0) {
    const heard: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => heard.push(chunk));
      socket.write(packet(greeting(capabilities), 0));
      socket.once("data", () => answer(socket));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const credential = {
      engine: "mariadb",
      host: "127.0.0.1",
      port,
      username: "app",
      password: "hunter2-secret",
    } as const;
    return { credential, heard: () => Buffer.concat(heard).toString("latin1"), close: () => server.close() };
  }

  const TLS = 0x0800;

  function greeting(capabilities: number): Buffer {
    const [low, high] = [Buffer.alloc(2), Buffer.alloc(2)];
    low.writeUInt16LE((0xf7ff & ~TLS) | capabilities);
    high.writeUInt16LE(0x81ff);
    return Buffer.concat([
      Buffer.from("\x0a5.5.5-11.4.2-MariaDB\0\x01\0\0\0abcdefgh\0", "latin1"),
      low,
      Buffer.from([0x2d, 0x02, 0x00]),
      high,
      Buffer.from([21]),
      Buffer.alloc(6),
      Buffer.from([0x1d, 0, 0, 0]),
      Buffer.from("ijklmnopqrst\0mysql_native_password\0"),
    ]);
  }

  function packet(payload: Buffer, sequence: number): Buffer {
    return Buffer.concat([Buffer.from([payload.length & 0xff, payload.length >> 8, 0, sequence]), payload]);
  }

  const short = { ...context, timeoutMs: 1000 };

  test.each(["mysql_clear_password", "dialog", "mysql_old_password"])(
    "and asks for the password in clear text (%s) does not get it",
    async (plugin) => {
      const server = await impostor((socket) =>
        socket.write(packet(Buffer.from(`\xfe${plugin}\0Password: \0`, "latin1"), 2)),
      );

      const names = [
        await nameOf(isAccepted(server.credential, short)),
        await nameOf(isAccepted({ ...server.credential, ssl: false }, short)),
      ];
      server.close();

      expect(names).toEqual(["ConfigurationInvalid", "ConfigurationInvalid"]);
      expect(server.heard()).toContain("app");
      expect(server.heard()).not.toContain("hunter2");
    },
  );

  test("and asks for it in the way of caching_sha2_password does not get it without TLS", async () => {
    const server = await impostor((socket) => {
      socket.write(packet(Buffer.from(`\xfecaching_sha2_password\0${"x".repeat(20)}\0`, "latin1"), 2));
      socket.once("data", () => socket.write(packet(Buffer.from([1, 4]), 4)));
    });

    const name = await nameOf(isAccepted({ ...server.credential, ssl: false }, short));
    server.close();

    expect(name).toBe("ConfigurationInvalid");
    expect(server.heard()).not.toContain("hunter2");
  });

  test.each([
    ["without a host of its own", {}, false],
    ["with one", { host: "127.0.0.1" }, true],
  ])(
    "and asks for the administrator of a secret %s in the way of caching_sha2_password",
    async (_, own, isAnswered) => {
      let answered = false;
      const server = await impostor((socket) => {
        socket.once("data", () => {
          answered = true;
          socket.destroy();
        });
        socket.write(packet(Buffer.from(`\xfecaching_sha2_password\0${"x".repeat(20)}\0`, "latin1"), 2));
      });
      const user = { ...server.credential, ssl: false, masterarn: "arn:admin" };
      const readSecret = async () => ({ username: "admin", password: "hunter2-admin", ...own });
      const policy = { openSessions: "report" as const, administratorSecretId: "arn:admin" };

      await nameOf(asAdministrator(user, { ...short, readSecret, policy }, async () => {}));
      server.close();

      // Within TLS the whole way would end with the password itself.
      expect(answered).toBe(isAnswered);
      expect(server.heard()).not.toContain("hunter2");
    },
  );

  test("and sends us elsewhere is not obeyed", async () => {
    let led = 0;
    const elsewhere = createServer((socket) => {
      led += 1;
      socket.destroy();
    }).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const address = elsewhere.address();
    const url = `mariadb://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    const lenenc = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
    const variable = Buffer.concat([lenenc("redirect_url"), lenenc(url)]);
    const changes = Buffer.concat([Buffer.from([0, variable.length]), variable]);
    const ok = Buffer.concat([Buffer.from([0, 0, 0, 0x02, 0x40, 0, 0, 0, changes.length]), changes]);
    const server = await impostor((socket) => socket.write(packet(ok, 2)));

    await nameOf(isAccepted({ ...server.credential, ssl: false }, short));
    await nameOf(isAccepted(server.credential, short));
    server.close();
    elsewhere.close();

    expect(led).toBe(0);
  });

  test("and ends the connection within the TLS handshake is TargetUnavailable or without TLS, and nothing is thrown into the air", async () => {
    const server = await impostor((socket) => setTimeout(() => socket.end(), 20), TLS);

    const name = await nameOf(isAccepted({ ...server.credential, ssl: true }, short));
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.close();

    expect(name).toBe("TargetUnavailable");
  });

  test("and says what no MariaDB says is TargetUnavailable, long before the time is over", async () => {
    const words = ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail ESMTP\r\n"].map((text) =>
      Buffer.from(text),
    );
    for (const said of [
      ...words,
      packet(randomBytes(3), 0),
      packet(Buffer.from([10, 0x35]), 0),
      packet(Buffer.alloc(0), 0),
    ]) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.end(said);
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const credential = { engine: "mariadb", host: "127.0.0.1", port, username: "app", password: "hunter2" } as const;
      const begunAt = performance.now();

      const name = await nameOf(isAccepted(credential, { ...context, timeoutMs: 20_000 }));
      server.close();

      expect([said.toString("latin1"), name]).toEqual([said.toString("latin1"), "TargetUnavailable"]);
      expect(performance.now() - begunAt).toBeLessThan(5000);
    }
  });
});

const openssl = await run("openssl", ["version"]).then(
  () => true,
  () => false,
);

// Where every engine has to be there, a missing one is a failure.
test.skipIf(mariadbIsMissing || (!openssl && process.env.REQUIRE_ENGINES !== "1"))(
  named("a certificate is verified, with its host name, before anything is sent (needs the openssl command)"),
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "rotor-tls-"));
    const [key, authority] = [join(folder, "server.key"), join(folder, "server.crt")];
    await run("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", authority],
    ]);
    await using server = await startMariadb({ options: [`--ssl-cert=${authority}`, `--ssl-key=${key}`] });
    await server.createUser("encrypted", "first-password", { options: "REQUIRE SSL" });
    const script = join(folder, "sign-in.ts");
    const modules = new URL("../../core/strategies/mariadb-connection.ts", import.meta.url).href;
    await writeFile(
      script,
      `import { signIn } from ${JSON.stringify(modules)};
      const [credentials, context] = JSON.parse(process.env["ATTEMPTS"] ?? "");
      const attempts = credentials.map((each) => signIn(each, { ...context, signal: new AbortController().signal }));
      Promise.all(attempts).then((answers) => console.log(answers.join(" ")));`,
    );
    const { port, admin } = server;
    const encrypted = { username: "encrypted", password: "first-password" };
    const signIns = async (attempts: readonly object[], trusted: object) => {
      const credentials = attempts.map((attempt) => ({ engine: "mariadb", port, ...attempt }));
      const { stdout } = await run(process.execPath, ["--import", import.meta.resolve("tsx"), script], {
        env: {
          ...process.env,
          ATTEMPTS: JSON.stringify([credentials, { versionId: "v-1", timeoutMs: 5000 }]),
          ...trusted,
        },
      });
      return stdout.trim().split(" ");
    };

    const trusting = await signIns(
      [
        { ...encrypted, host: "localhost", ssl: true },
        { ...encrypted, host: "localhost" },
        { ...encrypted, host: "localhost", ssl: false },
        { ...admin, host: "127.0.0.1", ssl: true },
      ],
      { NODE_EXTRA_CA_CERTS: authority },
    );
    const distrusting = await signIns(
      [
        { ...admin, host: "localhost", ssl: true },
        { ...admin, host: "localhost" },
        // Refused without TLS, and TLS cannot be verified: nobody has said that the credential is wrong.
        { ...encrypted, host: "localhost" },
        { ...encrypted, host: "localhost", password: "wrong" },
      ],
      {},
    );
    await rm(folder, { recursive: true });

    expect(trusting).toEqual(["accepted", "accepted", "rejected", "unreachable"]);
    expect(distrusting).toEqual(["unreachable", "accepted", "unreachable", "rejected"]);
  },
);
