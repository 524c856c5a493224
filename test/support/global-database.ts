import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startDatabase } from "../../local/database.ts";

/** What a test file needs to reach the one PostgreSQL of this run. */
export interface DatabaseFacts {
  readonly host: string;
  readonly port: number;
  readonly admin: {
    readonly host: string;
    readonly port: number;
    readonly username: string;
    readonly password: string;
  };
  readonly logFile: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    database: DatabaseFacts;
  }
}

/** Starts one PostgreSQL for the whole run, and one that logs every statement, so that leaks show. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const database = await startDatabase({ settings: { log_statement: "all", max_connections: "200" } });
  const { host, port, admin, directory } = database;
  project.provide("database", { host, port, admin, logFile: join(directory, "server.log") });
  return () => database.stop();
}
