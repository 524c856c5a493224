import { Client, type ClientConfig, Pool } from "pg";
import type { Credential, SecretVersion } from "./service-secret.ts";

export interface Limits {
  /** How long a connection is used before the pool opens another, in seconds. 0: as long as it lasts. */
  readonly connectionSeconds: number;
  /** For connecting, and for one statement, in milliseconds. */
  readonly patienceMs: number;
}

const SERVICE: Limits = { connectionSeconds: 5, patienceMs: 2000 };

/** A pool of connections that were all opened with one version of the secret. */
export interface VersionPool {
  readonly versionId: string;
  /** When the newest of its connections authenticated. */
  readonly authenticatedAt: () => Date;
  /** One small statement. A connection is opened where none is free. */
  work(): Promise<void>;
  /** Closes its connections, and waits for it. */
  close(): Promise<void>;
}

/**
 * Opens a pool, and returns once a connection of it has authenticated.
 * @throws the driver's errors
 */
export async function openPool(
  { versionId, credential }: SecretVersion,
  application: string,
  limits: Limits = SERVICE,
): Promise<VersionPool> {
  const pool = new Pool({
    ...connection(credential, application, limits),
    max: 2,
    maxLifetimeSeconds: limits.connectionSeconds,
    idleTimeoutMillis: 0,
  });
  let authenticatedAt = new Date(0);
  // Emitted once the server has accepted the password of a new connection.
  pool.on("connect", () => {
    authenticatedAt = new Date();
  });
  // An idle connection that breaks is left out; the next statement opens another.
  pool.on("error", () => {});
  const work = async () => {
    await pool.query("SELECT 1");
  };
  try {
    await work();
  } catch (error) {
    await pool.end();
    throw error;
  }
  return { versionId, authenticatedAt: () => authenticatedAt, work, close: () => pool.end() };
}

/** One sign-in on a connection of its own. */
export async function signInOnce(
  { credential }: SecretVersion,
  application: string,
  limits: Limits = SERVICE,
): Promise<void> {
  const client = new Client(connection(credential, application, limits));
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("SELECT 1");
  } finally {
    await client.end().catch(() => {});
  }
}

/** invalid_password: PostgreSQL's answer to an old password. */
export function isRefused(error: unknown): boolean {
  return codeOf(error) === "28P01";
}

/** The code of a driver's or SDK's error. Its text stays out of logs and answers. */
export function codeOf(error: unknown): string {
  const { code, name } = Object(error) as { readonly code?: unknown; readonly name?: unknown };
  return [code, name].find((text): text is string => typeof text === "string" && /^\w{2,60}$/.test(text)) ?? "unknown";
}

function connection(
  { host, port, dbname, username, password, ssl }: Credential,
  application: string,
  { patienceMs }: Limits,
): ClientConfig {
  return {
    host,
    port,
    database: dbname,
    user: username,
    password,
    application_name: application,
    ssl: String(ssl).toLowerCase() === "true",
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
  };
}
