import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { passwordHash } from "../../core/strategies/redis-acl.ts";
import type { RedisCredential } from "../../core/strategies/redis-credential.ts";
import { redisDual } from "../../core/strategies/redis-dual.ts";
import { uniqueName } from "../support/database.ts";
import { leakScanner } from "../support/leak-scanner.ts";
import { named, redisIsMissing, startRedis } from "../support/redis.ts";

const generate = passwordGenerator(passwordRules.parse({}));

describe.skipIf(redisIsMissing)(named("no password"), () => {
  test("is in MONITOR, SLOWLOG, ACL LOG, CLIENT LIST, the server's files or our output", async () => {
    const settings = ["loglevel debug", "slowlog-log-slower-than 0", "slowlog-max-len 1024", "appendonly yes"];
    await using server = await startRedis({ settings });
    const written = ["log", "info", "warn", "error", "debug"].map((name) =>
      vi.spyOn(console, name as "log").mockImplementation(() => {}),
    );
    onTestFinished(() => void vi.restoreAllMocks());
    const monitored: string[] = [];
    const { host, port, admin } = server;
    const options = { host, port, ...admin, protocol: 2 as const, lazyConnect: true, retryStrategy: () => null };
    const monitor = await new Redis(options).monitor();
    monitor.on("monitor", (_time: string, args: readonly string[]) => monitored.push(args.join(" ")));
    const administrator = { username: uniqueName("rotor"), password: generate() };
    await server.createUser(administrator.username, administrator.password, "+@all");
    const context = {
      secretArn: "arn:secret",
      versionId: "v-1",
      readSecret: async () => ({ ...administrator, host, ssl: false }),
      timeoutMs: 5000,
      policy: { openSessions: "report" as const, administratorSecretId: "arn:admin" },
      signal: new AbortController().signal,
    };
    const base: RedisCredential = {
      host,
      port,
      ssl: false,
      username: uniqueName("leak"),
      password: generate(),
      masterarn: "arn:admin",
    };
    await server.createUser(base.username, base.password);
    const candidate = redisDual.createSecret(base, generate);
    const refused = redisDual.createSecret(base, generate);

    await redisDual.setSecret({ base, candidate }, context);
    await redisDual.testSecret(candidate, context);
    await redisDual.sessions?.(candidate, context);
    await redisDual.signIn(refused, context);
    await redisDual.setSecret({ base, candidate: refused }, context).catch(() => {});
    await redisDual.rollbackSecret({ base, candidate }, context);
    await redisDual.rollbackSecret({ base, candidate }, context);

    await expect.poll(() => monitored.filter((each) => /^auth/i.test(each)).length).toBeGreaterThan(5);
    const told = [
      ...monitored,
      JSON.stringify(await server.call("SLOWLOG", "GET", "-1")),
      JSON.stringify(await server.call("ACL", "LOG")),
      String(await server.call("CLIENT", "LIST")),
      ...(await filesOf(server.directory)),
      ...written.map((each) => JSON.stringify(each.mock.calls)),
    ].join("\n");
    // What is looked at has what it should have.
    expect(told).toContain(base.username);
    expect(told).toContain(passwordHash(base.password));
    expect(told).toContain('"reason","auth"');
    expect(told).toMatch(/"acl","setuser"/i);
    const passwords = [base, candidate, refused, administrator].map(({ password }) => password);
    expect(leakScanner(passwords)(told)).toEqual([]);
  });
});

async function filesOf(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), "latin1")));
}
