import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import type { Client } from "pg";
import { scramSha256Verifier } from "../../core/strategies/scram-sha-256.ts";
import { connectAs, uniqueName, useDatabase } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import type { Interpose } from "../support/interposed.ts";
import { secretNamed } from "./administrator.ts";
import type { PlannedFault } from "./scenario.ts";
import { type Login, newPassword, type Target } from "./target.ts";

const ADMINISTRATOR = "interleaved/administrator";
/** What changes a credential: the statements that faults are about. */
const CHANGES = /^(ALTER|CREATE|DROP) ROLE/;

/**
 * The PostgreSQL of the test run. What it accepts is read from its own table of verifiers, so that no look is a sign-in.
 * @param interpose decides about whatever the functions send, in place of a scenario's faults
 */
export async function startPostgres(interpose?: Interpose): Promise<Target> {
  const database = useDatabase();
  const proxy = await startDatabaseProxy(database, interpose);
  const administrator = await connectAs({ ...database.admin, database: "postgres" }, "interleavings");
  // A function's transaction that is held by `interpose` is not waited for.
  if (interpose !== undefined) await administrator.query("SET lock_timeout = '1s'");
  const sessions = new Map<string, Client>();
  /** By user: those that it may have. */
  const passwords = new Map<string, Set<string>>();
  /** By verifier: the password that it is of, and those that it is not of. */
  const fitting = new Map<string, string>();
  const misfits = new Set<string>();
  const superuser = { username: uniqueName("administrator"), password: newPassword() };
  let users: readonly string[] = [];
  let verifiers = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  await createRole(superuser, "SUPERUSER");

  const target: Target = {
    strategies: { single: "postgres-single-user", overlap: "postgres-alternating-users" },
    administrator: ADMINISTRATOR,
    onChange: () => {},

    async begin({ overlap, faults }, place) {
      const username = uniqueName("app");
      const login = (user: string): Login => ({
        ...{ engine: "postgres", host: proxy.host, port: proxy.port, dbname: "postgres", ssl: false },
        ...{ username: user, password: newPassword() },
        ...(overlap
          ? { masterarn: secretNamed(ADMINISTRATOR, { ...superuser, dbname: "postgres", ssl: false }, place) }
          : {}),
      });
      users = [username, `${username}_clone`];
      const [base, older] = [login(username), login(overlap ? `${username}_clone` : username)];
      await createRole(base);
      if (overlap) await createRole(older, `IN ROLE "${username}"`);
      for (const each of [base, older]) note(each);
      disturb(faults[0]);
      await target.refresh?.();
      return { base, older };
    },

    async end() {
      target.heal();
      for (const session of sessions.values()) await session.end();
      sessions.clear();
      passwords.clear();
      fitting.clear();
      misfits.clear();
      for (const user of [...users].reverse()) await ask(`DROP ROLE IF EXISTS "${user}"`);
    },

    async refresh() {
      const rows = await ask(
        "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY($1) AND rolcanlogin AND rolpassword IS NOT NULL",
        [users],
      );
      verifiers = new Map(rows.map(({ rolname, rolpassword }) => [rolname, rolpassword]));
    },

    accepts(login) {
      note(login);
      const verifier = verifiers.get(login.username);
      return verifier !== undefined && isOf(login.password, verifier);
    },

    doors() {
      const known = [...verifiers].map(([user, verifier]) => [
        user,
        [...(passwords.get(user) ?? [])].filter((one) => isOf(one, verifier)),
      ]);
      return JSON.stringify(known.sort());
    },

    async changeByHand({ username }, password) {
      note({ username, password });
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
      await ask(`DROP ROLE "${superuser.username}"`);
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

  function disturb(fault: PlannedFault | undefined): void {
    if (fault === undefined) proxy.pass();
    else if (fault.fault === "lose-reply") proxy.loseReply(CHANGES, fault.times);
    else proxy.loseStatement(fault.fault === "refuse" ? /./ : CHANGES, fault.times);
  }

  /** The rounds of a verifier are most of what a sign-in takes, and nobody has to guess here. */
  async function createRole({ username, password }: Pick<Login, "username" | "password">, attributes = "") {
    const verifier = await scramSha256Verifier(password, { iterations: 1 });
    await ask(`CREATE ROLE "${username}" LOGIN ${attributes} PASSWORD '${verifier}'`);
  }

  function note({ username, password }: Login): void {
    passwords.set(username, (passwords.get(username) ?? new Set()).add(password));
  }

  /** To find out takes thousands of rounds, so it is done once. */
  function isOf(password: string, verifier: string): boolean {
    const known = fitting.get(verifier);
    if (known !== undefined) return known === password;
    const pair = `${verifier} ${password}`;
    if (misfits.has(pair)) return false;
    const isFitting = matches(password, verifier);
    if (isFitting) fitting.set(verifier, password);
    else misfits.add(pair);
    return isFitting;
  }
}

/** SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>, as RFC 5803 and PostgreSQL's pg_authid have it. */
function matches(password: string, verifier: string): boolean {
  const [, iterations = "", salt = "", storedKey = ""] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):/.exec(verifier) ?? [];
  const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(iterations), 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return createHash("sha256").update(clientKey).digest("base64") === storedKey;
}
