import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import type { Client } from "pg";
import { scramSha256Verifier } from "../../core/strategies/scram-sha-256.ts";
import { connectAs, uniqueName, useDatabase } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import type { PlannedFault } from "./scenario.ts";
import { type Login, newPassword, type Place, type Target } from "./target.ts";

const ADMINISTRATOR = "interleaved/administrator";
/** What changes a credential: the statements that faults are about. */
const CHANGES = /^(ALTER|CREATE|DROP) ROLE/;

/** The PostgreSQL of the test run. What it accepts is read from its own table of verifiers, so that no look is a sign-in. */
export async function startPostgres(): Promise<Target> {
  const database = useDatabase();
  const proxy = await startDatabaseProxy(database);
  const administrator = await connectAs({ ...database.admin, database: "postgres" }, "interleavings");
  const sessions = new Map<string, Client>();
  const passwords = new Set<string>();
  const fits = new Map<string, boolean>();
  let users: readonly string[] = [];
  let verifiers = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  const target: Target = {
    strategies: { single: "postgres-single-user", overlap: "postgres-alternating-users" },
    administrator: ADMINISTRATOR,
    onChange: () => {},

    async begin({ overlap, faults }, place) {
      const username = uniqueName("app");
      const login = (user: string): Login => ({
        ...{ engine: "postgres", host: proxy.host, port: proxy.port, dbname: "postgres", ssl: false },
        ...{ username: user, password: newPassword() },
        ...(overlap ? { masterarn: administratorArn(place) } : {}),
      });
      users = [username, `${username}_clone`];
      const [base, older] = [login(username), login(overlap ? `${username}_clone` : username)];
      await database.createRole(username, base.password);
      if (overlap) await database.createRole(older.username, older.password, `IN ROLE "${username}"`);
      for (const { password } of [base, older]) passwords.add(password);
      disturb(faults[0]);
      await target.refresh?.();
      return { base, older };
    },

    async end() {
      target.heal();
      for (const session of sessions.values()) await session.end();
      sessions.clear();
      passwords.clear();
      fits.clear();
      for (const user of [...users].reverse()) await ask(`DROP ROLE IF EXISTS "${user}"`);
    },

    async refresh() {
      const rows = await ask(
        "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY($1) AND rolcanlogin AND rolpassword IS NOT NULL",
        [users],
      );
      verifiers = new Map(rows.map(({ rolname, rolpassword }) => [rolname, rolpassword]));
    },

    accepts({ username, password }) {
      passwords.add(password);
      const verifier = verifiers.get(username);
      return verifier !== undefined && isOf(password, verifier);
    },

    doors() {
      const known = [...verifiers].map(([user, verifier]) => [
        user,
        [...passwords].filter((one) => isOf(one, verifier)),
      ]);
      return JSON.stringify(known.sort());
    },

    async changeByHand({ username }, password) {
      passwords.add(password);
      await ask(`ALTER ROLE "${username}" PASSWORD '${await scramSha256Verifier(password)}'`);
    },

    async signInAs({ username, password }, application) {
      try {
        const session = await connectAs({ host: database.host, port: database.port, username, password }, application);
        await sessions.get(application)?.end();
        sessions.set(application, session);
        return true;
      } catch {
        return false;
      }
    },

    heal: () => proxy.pass(),

    async [Symbol.asyncDispose]() {
      await administrator.end();
      await proxy[Symbol.asyncDispose]();
    },
  };
  return target;

  /** One statement after the other: a connection has one at a time. */
  function ask(text: string, values?: unknown[]): Promise<readonly { rolname: string; rolpassword: string }[]> {
    const asked = last.then(() => administrator.query(text, values));
    last = asked.catch(() => {});
    return asked.then(({ rows }) => rows);
  }

  function administratorArn(place: Place): string {
    try {
      return String(place.ask("secretsManager", "DescribeSecret", { SecretId: ADMINISTRATOR })["ARN"]);
    } catch {
      const { username, password } = database.admin;
      const value = { username, password, dbname: "postgres", ssl: false };
      const first = {
        Name: ADMINISTRATOR,
        SecretString: JSON.stringify(value),
        ClientRequestToken: crypto.randomUUID(),
      };
      return String(place.ask("secretsManager", "CreateSecret", first)["ARN"]);
    }
  }

  function disturb(fault: PlannedFault | undefined): void {
    if (fault === undefined) proxy.pass();
    else if (fault.fault === "lose-reply") proxy.loseReply(CHANGES, fault.times);
    else proxy.loseStatement(fault.fault === "refuse" ? /./ : CHANGES, fault.times);
  }

  function isOf(password: string, verifier: string): boolean {
    const key = `${verifier} ${password}`;
    const known = fits.get(key);
    if (known !== undefined) return known;
    const fresh = matches(password, verifier);
    fits.set(key, fresh);
    return fresh;
  }
}

/** SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>, as RFC 5803 and PostgreSQL's pg_authid have it. */
function matches(password: string, verifier: string): boolean {
  const [, iterations = "", salt = "", storedKey = ""] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):/.exec(verifier) ?? [];
  const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(iterations), 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return createHash("sha256").update(clientKey).digest("base64") === storedKey;
}
