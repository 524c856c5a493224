import type { Patch } from "../support/patched-bundles.ts";
import type { MARIADB_SINKS, REDIS_SINKS } from "./engine-sinks.ts";

export type EngineSinkName = keyof typeof MARIADB_SINKS | keyof typeof REDIS_SINKS;

export interface EngineControl {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** Every log that has it. */
  readonly sinks: readonly EngineSinkName[];
}

/** Before the statement that changes a password. */
function inMariadb(code: string): readonly Patch[] {
  const from = "      await session.query(await statement(session, password));";
  return [{ file: "core/strategies/mariadb-single-user.ts", from, to: `      ${code}\n${from}` }];
}

/** Before the command that changes them. */
function inRedis(code: string): readonly Patch[] {
  const from = "      await changePasswords(session, base.username, changes);";
  return [{ file: "core/strategies/redis-dual.ts", from, to: `      ${code}\n${from}` }];
}

export const MARIADB_CONTROLS: readonly EngineControl[] = [
  {
    name: "the password in the statement that sets it",
    patches: [
      {
        file: "core/strategies/mariadb-single-user.ts",
        from: "SET PASSWORD = ${quoteText(authenticationBy(plugin, password).stored)}",
        to: "SET PASSWORD = PASSWORD(${quoteText(password)})",
      },
    ],
    sinks: ["MariaDB's general log", "MariaDB's slow log"],
  },
  {
    name: "a statement that changes something else",
    patches: inMariadb("await session.query(`CREATE DATABASE note_${Date.now()} COMMENT '${password}'`);"),
    sinks: ["MariaDB's general log", "MariaDB's slow log", "MariaDB's binary log"],
  },
  {
    name: "a statement that fails",
    patches: inMariadb("await session.query(`SELECT '${password}' FROM nowhere.at_all`).catch(() => {});"),
    sinks: ["MariaDB's general log", "MariaDB's slow log", "MariaDB's log of failing statements"],
  },
  {
    name: "in place of the user's name",
    patches: inMariadb("await isAccepted({ ...login, username: password }, context).catch(() => {});"),
    sinks: ["MariaDB's general log", "MariaDB's error log", "MariaDB's log of failing statements"],
  },
];

export const REDIS_CONTROLS: readonly EngineControl[] = [
  {
    name: "an argument of a command",
    patches: inRedis('await session.call("ECHO", candidate.password);'),
    sinks: ["Redis's MONITOR", "Redis's SLOWLOG"],
  },
  {
    name: "in place of the user's name",
    patches: inRedis('await session.call("AUTH", candidate.password, "wrong").catch(() => {});'),
    sinks: ["Redis's ACL LOG"],
  },
  {
    name: "a value that is stored",
    patches: inRedis('await session.call("SET", "note", candidate.password);'),
    sinks: ["Redis's MONITOR", "Redis's SLOWLOG", "Redis's other files"],
  },
  {
    name: "a line that a script logs",
    patches: inRedis('await session.call("EVAL", "redis.log(redis.LOG_WARNING, ARGV[1])", "0", candidate.password);'),
    sinks: ["Redis's MONITOR", "Redis's SLOWLOG", "Redis's server log"],
  },
];
