import { randomUUID } from "node:crypto";
import { escapeIdentifier, escapeLiteral } from "pg";
import { queryAs, type TestDatabase } from "../support/database.ts";
import type { Situation } from "./recording.ts";

/** Of a version's value: who signs in with what. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

export type Users = Situation["users"];

/** What the PostgreSQL accepts of these versions. */
export async function lookAtUsers(database: TestDatabase, logins: Readonly<Record<string, Login>>): Promise<Users> {
  const users: Record<string, Users[string]> = {};
  for (const username of new Set(Object.values(logins).map((login) => login.username))) {
    const [role] = await database.query(
      "SELECT shobj_description(oid, 'pg_authid') AS comment FROM pg_authid WHERE rolname = $1",
      [username],
    );
    if (role === undefined) continue;
    const comment = (role as { readonly comment: string | null }).comment;
    users[username] = { accepts: await acceptedOf(database, username, logins), comment };
  }
  return users;
}

/** Makes the PostgreSQL accept just that. The second user, where there is one, is the first one's copy. */
export async function setUsers(
  database: TestDatabase,
  users: Users,
  logins: Readonly<Record<string, Login>>,
): Promise<void> {
  const all = new Set(Object.values(logins).map(({ username }) => username));
  for (const username of all) {
    const user = users[username];
    const [role] = await database.query("SELECT 1 FROM pg_authid WHERE rolname = $1", [username]);
    if (user === undefined) {
      if (role !== undefined) await database.query(`DROP ROLE ${escapeIdentifier(username)}`);
      continue;
    }
    const password = (user.accepts === null ? undefined : logins[user.accepts]?.password) ?? randomUUID();
    if (role === undefined) await database.createRole(username, password, copyOf(username, all));
    else await database.setPassword(username, password);
    const comment = user.comment === null ? "NULL" : escapeLiteral(user.comment);
    await database.query(`COMMENT ON ROLE ${escapeIdentifier(username)} IS ${comment}`);
  }
}

function copyOf(username: string, all: ReadonlySet<string>): string {
  const original = [...all].find((each) => each !== username && username.startsWith(each));
  return original === undefined ? "" : `IN ROLE ${escapeIdentifier(original)}`;
}

async function acceptedOf(
  database: TestDatabase,
  username: string,
  logins: Readonly<Record<string, Login>>,
): Promise<string | null> {
  for (const [versionId, login] of Object.entries(logins)) {
    if (login.username === username && (await signsIn(database, login))) return versionId;
  }
  return null;
}

function signsIn(database: TestDatabase, login: Login): Promise<boolean> {
  return queryAs({ ...database, ...login }, "SELECT 1").then(
    () => true,
    (error: { code?: string }) => {
      if (error.code === "28P01" || error.code === "28000") return false;
      throw error;
    },
  );
}
