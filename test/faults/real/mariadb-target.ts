import { createHash } from "node:crypto";
import type { Connection } from "mariadb";
import { quoteAccount, quoteText } from "../../../core/strategies/mariadb-identifiers.ts";
import { secretNamed } from "../../interleavings/administrator.ts";
import { type Login, newPassword, type Target } from "../../interleavings/target.ts";
import { uniqueName } from "../../support/database.ts";
import type { Interpose } from "../../support/interposed.ts";
import type { TestMariadb } from "../../support/mariadb.ts";
import { startMariadbProxy } from "../../support/mariadb-proxy.ts";

const ADMINISTRATOR = "faults/mariadb-administrator";

/** What mysql.global_priv says of an account: one way to sign in, or several, of which an empty one stands for the first. */
interface Privileges {
  readonly authentication_string?: string;
  readonly auth_or?: readonly { readonly authentication_string?: string }[];
}

/** Users with two passwords. What the server accepts is read from its own table, so that no look is a sign-in. */
export async function startMariadbTarget(mariadb: TestMariadb, interpose: Interpose): Promise<Target> {
  const proxy = await startMariadbProxy(mariadb, interpose);
  const sessions = new Map<string, Connection>();
  let username = "";
  let stored: readonly string[] = [];

  const set = (passwords: readonly string[]) => {
    const ways = passwords.map((each) => `mysql_native_password USING ${quoteText(hashOf(each))}`);
    const account = quoteAccount({ user: username, host: "%" });
    return mariadb.query(`ALTER USER ${account} IDENTIFIED VIA ${ways.join(" OR ")}`);
  };
  const target: Target = {
    strategies: { overlap: "mariadb-dual" },
    administrator: ADMINISTRATOR,
    onChange: () => {},

    async begin(_scenario, place) {
      username = uniqueName("app");
      const masterarn = secretNamed(ADMINISTRATOR, mariadb.admin, place);
      const login = (): Login => ({
        ...{ engine: "mariadb", host: proxy.host, port: proxy.port, ssl: false, username, password: newPassword() },
        masterarn,
      });
      const [base, older] = [login(), login()];
      await mariadb.createUser(username, base.password);
      await set([older.password, base.password]);
      await target.refresh?.();
      return { base, older };
    },

    async end() {
      for (const session of sessions.values()) await session.end();
      sessions.clear();
      await mariadb.dropUser(username);
    },

    async refresh() {
      const [row] = await mariadb.query(`SELECT Priv FROM mysql.global_priv WHERE User = ${quoteText(username)}`);
      const { authentication_string: first = "", auth_or: ways = [{}] } = privilegesOf(row?.["Priv"]);
      stored = ways.map(({ authentication_string: own = first }) => own);
    },

    accepts: (login) => login.username === username && stored.includes(hashOf(login.password)),
    doors: () => JSON.stringify([...stored].sort()),

    async changeByHand(login, password, kept = false) {
      await set(kept ? [login.password, password] : [password]);
    },

    async signInAs(login, application) {
      try {
        const session = await mariadb.connect(login, application);
        await sessions.get(application)?.end();
        sessions.set(application, session);
        return true;
      } catch {
        return false;
      }
    },

    heal: () => {},
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await mariadb[Symbol.asyncDispose]();
    },
  };
  return target;
}

/** As the driver gives it: a text, or what it says. */
function privilegesOf(column: unknown): Privileges {
  return (typeof column === "string" ? JSON.parse(column) : (column ?? {})) as Privileges;
}

/** mysql_native_password. */
function hashOf(password: string): string {
  const sha1 = (bytes: string | Buffer) => createHash("sha1").update(bytes).digest();
  return `*${sha1(sha1(password)).toString("hex").toUpperCase()}`;
}
