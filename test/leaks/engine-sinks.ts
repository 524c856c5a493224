import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestMariadb } from "../support/mariadb.ts";
import type { TestRedis } from "../support/redis.ts";

/** What a database has written down, of one kind. */
export interface EngineSink<Server> {
  read(server: Server): Promise<string>;
  /** It has what the database keeps in place of a password. */
  readonly hasHashes?: true;
}

/** A MariaDB that writes down all that it can. */
export const MARIADB_OPTIONS = [
  ...["--log-bin=$logs/binary", "--log-warnings=9"],
  ...["--slow-query-log", "--slow-query-log-file=$logs/slow.log", "--long-query-time=0"],
  ...["--plugin-load-add=sql_errlog", "--sql-error-log-filename=$logs/failed.log"],
];

const mariadbLog = (name: string): EngineSink<TestMariadb> => ({
  read: ({ directory }) => readFiles(join(directory, "logs"), name),
  hasHashes: true,
});

export const MARIADB_SINKS = {
  "MariaDB's general log": mariadbLog("general"),
  "MariaDB's binary log": mariadbLog("binary"),
  "MariaDB's slow log": mariadbLog("slow"),
  "MariaDB's log of failing statements": mariadbLog("failed"),
  "MariaDB's error log": mariadbLog("error"),
} as const;

/** A Redis, likewise. */
export const REDIS_SETTINGS = [
  ...["loglevel debug", "slowlog-log-slower-than 0", "slowlog-max-len 1024", "acllog-max-len 128", "appendonly yes"],
];

export interface MonitoredRedis extends TestRedis {
  readonly monitored: readonly string[];
}

export const REDIS_SINKS = {
  "Redis's MONITOR": { read: async ({ monitored }: MonitoredRedis) => monitored.join("\n"), hasHashes: true },
  "Redis's SLOWLOG": {
    read: async (redis: MonitoredRedis) => JSON.stringify(await redis.call("SLOWLOG", "GET", "-1")),
    hasHashes: true,
  },
  "Redis's ACL LOG": { read: async (redis: MonitoredRedis) => JSON.stringify(await redis.call("ACL", "LOG", "128")) },
  "Redis's server log": { read: (redis: MonitoredRedis) => redis.log() },
  "Redis's other files": {
    read: ({ directory }: MonitoredRedis) => readFiles(directory, "", ["server.log"]),
    hasHashes: true,
  },
} as const satisfies Record<string, EngineSink<MonitoredRedis>>;

/** Everything below a directory in files whose names begin so. */
async function readFiles(directory: string, prefix: string, without: readonly string[] = []): Promise<string> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const files = entries.filter((each) => each.isFile() && each.name.startsWith(prefix) && !without.includes(each.name));
  return (await Promise.all(files.map((each) => readFile(join(each.parentPath, each.name), "latin1")))).join("\n");
}
