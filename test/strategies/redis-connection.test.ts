import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { isAccepted, signIn, withSession } from "../../core/strategies/redis-connection.ts";
import type { RedisLogin } from "../../core/strategies/redis-credential.ts";
import { freePort } from "../../local/database-port.ts";
import { uniqueName } from "../support/database.ts";
import { named, redisIsMissing, startRedis, type TestRedis, useRedis } from "../support/redis.ts";
import { startRedisProxy } from "../support/redis-proxy.ts";

const run = promisify(execFile);

const context = { versionId: "v-1", timeoutMs: 5000, signal: new AbortController().signal };

async function nameOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error) => error.name,
  );
}

function adminOf(redis: TestRedis): RedisLogin {
  return { host: redis.host, port: redis.port, ssl: false, ...redis.admin };
}

describe.skipIf(redisIsMissing)(named("a connection to Redis"), () => {
  const redis = useRedis();

  test("has our name, and knows what it is connected to", async () => {
    const [server, list] = await withSession(adminOf(redis), context, async (session) => [
      session.server,
      await session.call("CLIENT LIST"),
    ]);

    expect(server).toMatchObject({ mode: "standalone", role: "master" });
    expect(list).toMatch(new RegExp(`^id=${server?.id} .* name=rotor `, "m"));
  });

  test("needs no right but that to sign in", async () => {
    const [username, password] = [uniqueName("bare"), "first-password"];
    await redis.createUser(username, password, "-@all");

    expect(await isAccepted({ ...adminOf(redis), username, password }, context)).toBe(true);
  });

  // As Redis 6 does; from 7 on everybody may.
  test("is accepted also where HELLO is denied, which only keeps it from knowing what it is connected to", async () => {
    const listener = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) =>
        socket.write(
          /auth/i.test(chunk.toString())
            ? "+OK\r\n"
            : "-NOPERM this user has no permissions to run the 'hello' command or its subcommand\r\n",
        ),
      );
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void listener.close());
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const login = { ...adminOf(redis), port };

    expect(await signIn(login, context)).toBe("accepted");
    expect(await withSession(login, context, async ({ server }) => server)).toBeUndefined();
  });

  test("is refused for a wrong password, a name that does not exist, and one in other letters", async () => {
    const [username, password] = [uniqueName("known"), "first-password"];
    await redis.createUser(username, password);
    const login = { ...adminOf(redis), username, password };

    expect(await signIn(login, context)).toBe("accepted");
    expect(await signIn({ ...login, password: "First-password" }, context)).toBe("rejected");
    expect(await signIn({ ...login, username: "nobody-here" }, context)).toBe("rejected");
    expect(await signIn({ ...login, username: username.toUpperCase() }, context)).toBe("rejected");
  });

  test("leaves nothing open, whatever happens", async () => {
    await nameOf(withSession(adminOf(redis), context, (session) => session.call("NO SUCH COMMAND")));
    await nameOf(
      withSession(adminOf(redis), { ...context, timeoutMs: 200 }, (session) => session.call("BLPOP", "nothing", "1")),
    );
    await nameOf(
      withSession(adminOf(redis), context, async () => {
        throw new Error("ours");
      }),
    );
    await nameOf(isAccepted({ ...adminOf(redis), password: "wrong" }, context));

    await expect
      .poll(
        async () =>
          String(await redis.call("CLIENT", "LIST"))
            .trim()
            .split("\n"),
        { timeout: 5000 },
      )
      .toHaveLength(1);
  });

  test("waits for a command no longer than it may", async () => {
    const begunAt = performance.now();

    const waiting = withSession(adminOf(redis), { ...context, timeoutMs: 300 }, (session) =>
      session.call("BLPOP", "nothing", "30"),
    );

    await expect(waiting).rejects.toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringContaining("no answer in time"),
    });
    expect(performance.now() - begunAt).toBeLessThan(3000);
  });

  test("ends at once when the signal aborts during a command, and is not begun after that", async () => {
    const abort = new AbortController();
    await using proxy = await startRedisProxy(redis);
    const login = { ...adminOf(redis), port: proxy.port };
    const waiting = withSession(login, { ...context, timeoutMs: 60_000, signal: abort.signal }, (session) =>
      session.call("BLPOP", "nothing", "60"),
    );
    await expect.poll(() => proxy.statements().at(-1)).toBe("BLPOP nothing 60");

    abort.abort();

    expect(await nameOf(waiting)).toBe("TargetUnavailable");
    expect(await nameOf(isAccepted(login, { ...context, signal: abort.signal }))).toBe("TargetUnavailable");
    expect(proxy.connections()).toBe(1);
  });

  test("to nowhere is TargetUnavailable, with the reason", async () => {
    const closed = isAccepted({ ...adminOf(redis), port: await freePort() }, context);
    const nameless = isAccepted({ ...adminOf(redis), host: "redis.invalid" }, context);

    await expect(closed).rejects.toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    expect(await nameOf(nameless)).toBe("TargetUnavailable");
  });

  test("that fails before anybody could wait for it is TargetUnavailable, with the reason, and nothing else", async () => {
    // There is no way to the address: the socket says so as soon as the event loop turns.
    const attempt = () => isAccepted({ ...adminOf(redis), host: "255.255.255.255" }, context);

    const failed = new Promise((resolve, reject) => setImmediate(() => attempt().then(resolve, reject)));

    await expect(failed).rejects.toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringMatching(/E(NETUNREACH|ACCES)/),
    });
  });

  test("that the server has no room for is TargetUnavailable", async () => {
    await using server = await startRedis({ settings: ["maxclients 2"] });
    await using _one = await server.open(server.admin, "one");
    await using _two = await server.open(server.admin, "two");

    await expect(isAccepted(adminOf(server), context)).rejects.toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringContaining("ERR_MAX_CLIENTS"),
    });
    expect(await signIn(adminOf(server), context)).toBe("unreachable");
  });

  test("is with TLS unless ssl is false: a server without it hears no password, and is waited for no longer than allowed", async () => {
    const { ssl: _, ...login } = adminOf(redis);

    for (const ssl of [{}, { ssl: true }]) {
      await expect(isAccepted({ ...login, ...ssl }, { ...context, timeoutMs: 300 })).rejects.toMatchObject({
        name: "TargetUnavailable",
        message: expect.stringContaining("request for TLS, which it gets as ssl is not false"),
      });
    }
  });

  test("is never tried again without TLS, whatever is answered to the request for it", async () => {
    const heard: Buffer[] = [];
    const listener = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        heard.push(chunk);
        socket.write("-NOAUTH Authentication required.\r\n");
      });
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void listener.close());
    await once(listener, "listening");
    const address = listener.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const { ssl: _, ...login } = { ...adminOf(redis), port, password: "hunter2-secret" };

    expect(await nameOf(isAccepted(login, context))).toBe("ConfigurationInvalid");
    expect(await signIn(login, context)).toBe("unreachable");
    expect(heard.length).toBe(2);
    expect(Buffer.concat(heard).toString("latin1")).not.toContain("hunter2");
  });

  const openssl = redisIsMissing
    ? Promise.resolve(false)
    : run("openssl", ["version"]).then(
        () => true,
        () => false,
      );

  // Where every engine has to be there, a missing one is a failure.
  test("with TLS verifies the certificate with its host name (needs the openssl command)", async ({ skip }) => {
    if (!(await openssl) && process.env["REQUIRE_ENGINES"] !== "1") skip();
    const folder = await mkdtemp(join(tmpdir(), "rotor-tls-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const [key, certificate] = [join(folder, "server.key"), join(folder, "server.crt")];
    await run("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
    ]);
    const tlsPort = await freePort();
    await using server = await startRedis({
      settings: [`tls-port ${tlsPort}`, `tls-cert-file ${certificate}`, `tls-key-file ${key}`, "tls-auth-clients no"],
    });
    const script = join(folder, "sign-in.mts");
    const modules = new URL("../../core/strategies/redis-connection.ts", import.meta.url).href;
    await writeFile(
      script,
      `import { isAccepted } from ${JSON.stringify(modules)};
      const [logins, context] = JSON.parse(process.env["ATTEMPTS"] ?? "");
      for (const login of logins) {
        const said = isAccepted(login, { ...context, signal: new AbortController().signal });
        console.log(await said.catch((error) => error.name));
      }`,
    );
    const { ssl: _, ...login } = { ...adminOf(server), port: tlsPort, host: "localhost" };
    const attempt = async (logins: readonly RedisLogin[], trusts: boolean) => {
      const { stdout } = await run(process.execPath, ["--import", import.meta.resolve("tsx"), script], {
        env: {
          ...process.env,
          ATTEMPTS: JSON.stringify([logins, { versionId: "v-1", timeoutMs: 5000 }]),
          ...(trusts && { NODE_EXTRA_CA_CERTS: certificate }),
        },
      });
      return stdout.trim().split("\n");
    };

    const [trusting, doubting] = await Promise.all([
      attempt([login, { ...login, ssl: true, password: "wrong" }, { ...login, host: "127.0.0.1" }], true),
      attempt([login], false),
    ]);

    expect(trusting).toEqual(["true", "false", "ConfigurationInvalid"]);
    expect(doubting).toEqual(["ConfigurationInvalid"]);
  });
});
