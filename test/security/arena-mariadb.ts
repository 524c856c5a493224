import { quoteAccount } from "../../core/strategies/mariadb-identifiers.ts";
import type { RotationStrategy } from "../../core/strategies/strategy.ts";
import { MASTER_ARN } from "../strategies/mariadb-target.ts";
import { startMariadb, type TestMariadb } from "../support/mariadb.ts";
import { startMariadbProxy } from "../support/mariadb-proxy.ts";
import type { StatementProxy } from "../support/statement-proxy.ts";
import type { Arena, Arenas, Catalog } from "./arena.ts";
import { VICTIM } from "./payloads.ts";

/** A server of its own, so that whatever changes in it was changed by the test. */
export async function startMariadbArenas(): Promise<Arenas> {
  const mariadb = await startMariadb();
  const proxy = await startMariadbProxy(mariadb);
  await mariadb.createUser(VICTIM, "password-of-the-victim");
  await mariadb.query("CREATE DATABASE accounting");
  await mariadb.query("CREATE TABLE accounting.payments (id int)");
  await mariadb.query(`GRANT SELECT ON accounting.payments TO ${VICTIM}@'%'`);
  return {
    of: (strategy, by) => arena(mariadb, proxy, strategy, by),
    [Symbol.asyncDispose]: async () => {
      await proxy.refuse();
      await mariadb[Symbol.asyncDispose]();
    },
  };
}

// --- internal ---

function arena(
  mariadb: TestMariadb,
  proxy: StatementProxy,
  strategy: RotationStrategy,
  by: "administrator" | "user",
): Arena {
  return {
    strategy,
    policy: { openSessions: "report", ...(by === "administrator" && { administratorSecretId: MASTER_ARN }) },
    administrator: async () => ({ ...mariadb.admin, host: proxy.host, port: proxy.port, ssl: false }),
    connections: () => proxy.connections(),
    catalog: () => catalogOf(mariadb),
    async user({ username, password }) {
      await mariadb.createUser(username, password);
      await mariadb.query(`GRANT SELECT ON accounting.payments TO ${quoteAccount({ user: username, host: "%" })}`);
      return {
        ...{ engine: "mariadb", host: proxy.host, port: proxy.port, dbname: "information_schema", ssl: false },
        ...{ username, password, masterarn: MASTER_ARN },
      };
    },
    drop: async (username) => {
      await mariadb.dropUser(`${username}_clone`);
      await mariadb.dropUser(username);
    },
  };
}

/** Accounts with their passwords and rights, rights to databases, tables, columns and routines, roles, proxies, and what there is. */
async function catalogOf(mariadb: TestMariadb): Promise<Catalog> {
  const catalog = new Map<string, { readonly about: readonly string[]; readonly is: string }>();
  for (const table of [
    "global_priv",
    "db",
    "tables_priv",
    "columns_priv",
    "procs_priv",
    "proxies_priv",
    "roles_mapping",
  ]) {
    for (const row of await mariadb.query(`SELECT * FROM mysql.${table}`)) {
      // When a right was given is set anew by each statement that touches the row.
      const { Timestamp: _, ...facts } = row;
      const { Priv, Table_priv, Column_priv, ...names } = facts;
      const key = `${table} ${JSON.stringify(names)}`;
      catalog.set(key, { about: [String(row["User"])], is: JSON.stringify(facts, (_key, value) => String(value)) });
    }
  }
  const objects = await mariadb.query(
    "SELECT table_schema AS place, table_name AS name FROM information_schema.tables WHERE table_schema <> 'information_schema'",
  );
  for (const object of objects) catalog.set(`table ${JSON.stringify(object)}`, { about: [], is: "" });
  for (const schema of await mariadb.query("SHOW DATABASES"))
    catalog.set(JSON.stringify(schema), { about: [], is: "" });
  return catalog;
}
