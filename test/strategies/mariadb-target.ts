import type { MariadbAlternatingCredential } from "../../core/strategies/mariadb-credential.ts";
import type { StrategyTarget, TargetUser } from "../contracts/strategy.ts";
import { uniqueName } from "../support/database.ts";
import type { TestMariadb } from "../support/mariadb.ts";
import { startMariadbProxy } from "../support/mariadb-proxy.ts";

export const MASTER_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/admin-GhIjKl";

interface Options {
  /** The statement that makes a credential valid, or ends that. */
  readonly change: RegExp;
  /** How the accounts sign in. Default: mysql_native_password. */
  readonly plugin?: string;
}

/** Users of a test's MariaDB for the exam. Each is reached through a proxy of its own; a second proxy counts who is led astray. */
export function mariadbTarget(
  mariadb: TestMariadb,
  { change, plugin }: Options,
): StrategyTarget<MariadbAlternatingCredential & { engine: "mariadb" }> {
  return {
    hardUsernames: [
      "O'Brien",
      'a "quoted" name',
      "back`tick`s",
      "back\\slash",
      "Ünïcødé 名前",
      "`@`%`; DROP USER administrator; --",
      "%s ? ${x} :name",
      "UPPER lower",
      "a@b",
      "_clone_",
      " TO ",
    ].map((name) => uniqueName(name)),
    hardPasswords: [
      'it\'s "quoted" \\ back',
      "'; DROP USER administrator; --",
      "with spaces  and\ttab",
      "? %s ${x} :name",
      "*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29",
      "decomposed e\u0301, non-breaking\u00a0space",
      "emoji 🐘",
      "x".repeat(1000),
    ],
    user: async (login = {}) => {
      const username = login.username ?? uniqueName("app");
      const password = login.password ?? uniqueName("first-password");
      const proxy = await startMariadbProxy(mariadb);
      const decoy = await startMariadbProxy(mariadb);
      await mariadb.createUser(username, password, { ...(plugin && { plugin }) });
      const user: TargetUser<MariadbAlternatingCredential & { engine: "mariadb" }> = {
        current: {
          engine: "mariadb",
          host: proxy.host,
          port: proxy.port,
          dbname: "information_schema",
          // The server has no TLS: nothing is gained by asking it every time.
          ssl: false,
          username,
          password,
          masterarn: MASTER_ARN,
        },
        tampered: (candidate) => ({
          "another host": { ...candidate, host: "localhost" },
          "another port": { ...candidate, port: decoy.port },
          "another database": { ...candidate, dbname: "performance_schema" },
          "another user": { ...candidate, username: mariadb.admin.username },
          "a user who only looks the same": { ...candidate, username: candidate.username.toUpperCase() },
        }),
        readSecret: async () => mariadb.admin,
        attempts: () => proxy.connections() + decoy.connections(),
        statements: () => proxy.statements(),
        loseStatement: () => proxy.loseStatement(change),
        loseReply: () => proxy.loseReply(change),
        refuse: () => proxy.refuse(),
        hang: () => proxy.hang(),
        pass: () => proxy.pass(),
        open: async (credential, application) => {
          const connection = await mariadb.connect(credential, application);
          return { [Symbol.asyncDispose]: () => connection.end() };
        },
        [Symbol.asyncDispose]: async () => {
          await proxy.refuse();
          await decoy.refuse();
          await mariadb.dropUser(username);
          await mariadb.dropUser(`${username}_clone`);
        },
      };
      return user;
    },
  };
}
