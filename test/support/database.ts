import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { inject } from "vitest";
import { scramSha256Verifier } from "../../core/strategies/scram-sha-256.ts";
import type { DatabaseFacts } from "./global-database.ts";

type Row = Record<string, unknown>;

export interface TestDatabase extends DatabaseFacts {
  /** Runs a statement as the superuser, in a connection that all tests of a worker have: it leaves nothing of the session's own set. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Makes a role that may sign in. `attributes` is SQL. No password in plain reaches the server's log. */
  createRole(username: string, password: string, attributes?: string): Promise<void>;
  /** Changes a role's password. None in plain reaches the server's log. */
  setPassword(username: string, password: string): Promise<void>;
  /** What the server has logged so far, of all tests of this run. */
  log(): Promise<string>;
}

/** The PostgreSQL of this run. Tests share it: names of roles and databases come from `uniqueName`. */
export function useDatabase(): TestDatabase {
  const facts = inject("database");
  const query: TestDatabase["query"] = async (text, values) => {
    const client = await asAdministrator(facts);
    const result = await client.query(text, values && [...values]);
    return result.rows;
  };
  return {
    ...facts,
    query,
    createRole: async (username, password, attributes = "") => {
      const verifier = escapeLiteral(await scramSha256Verifier(password));
      await query(`CREATE ROLE ${escapeIdentifier(username)} LOGIN ${attributes} PASSWORD ${verifier}`);
    },
    setPassword: async (username, password) => {
      const verifier = escapeLiteral(await scramSha256Verifier(password));
      await query(`ALTER ROLE ${escapeIdentifier(username)} PASSWORD ${verifier}`);
    },
    log: () => readFile(facts.logFile, "utf8"),
  };
}

export interface Login {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly database?: string;
}

/** One statement in a connection of its own. */
export async function queryAs(login: Login, text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
  const client = await connectAs(login);
  try {
    const result = await client.query(text, values && [...values]);
    return result.rows;
  } finally {
    await client.end();
  }
}

/** An open connection; the caller ends it. */
export async function connectAs(login: Login, applicationName = "test"): Promise<Client> {
  const client = new Client({
    host: login.host,
    port: login.port,
    user: login.username,
    password: login.password,
    database: login.database ?? "postgres",
    application_name: applicationName,
    ssl: false,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** A name that no other test uses: a prefix that says whose it is, and eight random characters. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(4).toString("hex")}`;
}

// --- internal ---

/** The superuser's connection of this worker, until it breaks. Each sign-in costs the server a process, and every third was this one. */
let kept: Promise<Client> | undefined;

function asAdministrator({ admin }: DatabaseFacts): Promise<Client> {
  kept ??= connectAs(admin).then((client) => {
    client.once("end", forget);
    return client;
  });
  kept.catch(forget);
  return kept;
}

function forget(): void {
  kept = undefined;
}
