import { RotationError } from "../errors.ts";
import { readAccount } from "./mariadb-accounts.ts";
import type { WritableSession } from "./mariadb-connection.ts";
import { errorNumberOf } from "./mariadb-errors.ts";
import { type AccountName, quoteAccount, showAccount } from "./mariadb-identifiers.ts";
import { sliceOf, splitAtCommas, type Token, tokensOf } from "./mariadb-tokens.ts";

/** What an account was granted on one thing. */
interface Grant {
  /** "ON `orders`.*", "ON PROCEDURE `orders`.`pay`", "PROXY ON ...", "ROLE `reader`", "DEFAULT ROLE", and so on. */
  readonly thing: string;
  /** "SELECT", "SELECT (`id`)", "GRANT OPTION"; "" where the thing is all there is. */
  readonly privilege: string;
}

/**
 * Gives `copy` what `original` was granted, and takes from it what `original` was not: privileges on everything that can be granted,
 * roles with their ADMIN OPTION and the default role, the right to be another (PROXY). Only what differs is sent; what is missing is given
 * before anything is taken. Afterwards both are compared once more.
 * @throws RotationError AccessDenied when the administrator may not give one of them, or they still differ; ConfigurationInvalid where
 * one is on something that is gone, or MySQL's partial revokes are in use
 */
export async function copyGrants(session: WritableSession, original: AccountName, copy: AccountName): Promise<void> {
  const wanted = await grantsOf(session, original);
  await give(session, original, copy, without(wanted, await grantsOf(session, copy)));
  await take(session, copy, without(await grantsOf(session, copy), wanted));
  // ALL PRIVILEGES, and what is granted WITH an option, are taken whole.
  await give(session, original, copy, without(wanted, await grantsOf(session, copy)));
  const present = await grantsOf(session, copy);
  const [differing] = [...without(wanted, present), ...without(present, wanted)];
  if (differing) {
    throw new RotationError(
      "AccessDenied",
      `The account ${showAccount(copy)} could not be given exactly what ${showAccount(original)} has: they differ in ` +
        `${`${differing.privilege} ${differing.thing}`.trim()}.`,
    );
  }
}

/** What SHOW GRANTS says, without USAGE, which is nothing. Only reads. */
async function grantsOf(session: WritableSession, account: AccountName): Promise<readonly Grant[]> {
  const rows = await session.query(`SHOW GRANTS FOR ${quoteAccount(account)}`);
  const grants = rows.flatMap(([shown = ""]) => parseGrant(shown));
  if (session.dialect === "mariadb") {
    return grants;
  }
  // MySQL shows the default role elsewhere.
  const { options } = await readAccount(session, account);
  const roles = options.get("DEFAULT")?.replace(/^DEFAULT ROLE /, "");
  return roles === undefined ? grants : [...grants, { thing: DEFAULT_ROLE, privilege: roles }];
}

// --- statements ---

/**
 * ER_BAD_FIELD_ERROR, ER_NO_SUCH_TABLE, ER_SP_DOES_NOT_EXIST, ER_VIEW_INVALID, ER_INVALID_ROLE: the server keeps what was granted on
 * things that were dropped, and does not grant it once more.
 */
const GONE = [1054, 1146, 1305, 1356, 1959];

async function give(
  session: WritableSession,
  original: AccountName,
  to: AccountName,
  grants: readonly Grant[],
): Promise<void> {
  const account = quoteAccount(to);
  for (const [thing, privileges] of byThing(grants)) {
    await change(session, thing, grantStatement(session, thing, privileges, account)).catch((error: unknown) => {
      const number = errorNumberOf(error) ?? 0;
      if (!GONE.includes(number)) throw error;
      throw new RotationError(
        "ConfigurationInvalid",
        `The account ${showAccount(original)} has ${`${privileges.join(", ")} ${thing}`.trim()}, and something of that is gone (error ` +
          `${number}): the server does not grant it once more, so the copy cannot have the same. REVOKE it from the account, or make again ` +
          "what is gone.",
        { cause: { number } },
      );
    });
  }
}

function grantStatement(
  session: WritableSession,
  thing: string,
  privileges: readonly string[],
  account: string,
): string {
  if (thing === DEFAULT_ROLE) {
    return setDefaultRole(session, privileges.join(", "), account);
  }
  if (thing.startsWith(ROLE)) {
    const [role, admin] = parted(thing.slice(ROLE.length), ADMIN);
    return `GRANT ${role} TO ${account}${admin}`;
  }
  const [on, grantable] = parted(thing, ` WITH ${GRANT_OPTION}`);
  if (thing.startsWith(PROXY)) {
    return `GRANT ${on} TO ${account}${grantable}`;
  }
  const option = privileges.includes(GRANT_OPTION) ? ` WITH ${GRANT_OPTION}` : "";
  const others = privileges.filter((privilege) => privilege !== GRANT_OPTION).join(", ") || "USAGE";
  return `GRANT ${others} ${on} TO ${account}${grantable || option}`;
}

async function take(session: WritableSession, from: AccountName, grants: readonly Grant[]): Promise<void> {
  const account = quoteAccount(from);
  for (const [thing, privileges] of byThing(grants)) {
    if (thing === DEFAULT_ROLE) {
      await session.query(setDefaultRole(session, "NONE", account));
    } else if (thing.startsWith(ROLE)) {
      await session.query(`REVOKE ${parted(thing.slice(ROLE.length), ADMIN)[0]} FROM ${account}`);
    } else if (thing.startsWith(PROXY)) {
      await session.query(`REVOKE ${parted(thing, ` WITH ${GRANT_OPTION}`)[0]} FROM ${account}`);
    } else {
      const [on] = parted(thing, ` WITH ${GRANT_OPTION}`);
      // ALL PRIVILEGES stands in a list with nothing else.
      for (const list of [privileges.filter((each) => each === ALL), privileges.filter((each) => each !== ALL)]) {
        if (list.length > 0) {
          await change(session, thing, `REVOKE ${list.join(", ")} ${on} FROM ${account}`);
        }
      }
    }
  }
}

/** MariaDB knows of packages in one mode alone. Where the statement fails, the session ends. */
async function change(session: WritableSession, thing: string, statement: string): Promise<void> {
  const isOnPackage = thing.startsWith("ON PACKAGE ");
  if (isOnPackage) await session.query("SET SESSION sql_mode = 'ORACLE,NO_AUTO_CREATE_USER'");
  await session.query(statement);
  if (isOnPackage) await session.query("SET SESSION sql_mode = 'NO_AUTO_CREATE_USER'");
}

function setDefaultRole(session: WritableSession, roles: string, account: string): string {
  return session.dialect === "mariadb"
    ? `SET DEFAULT ROLE ${roles} FOR ${account}`
    : `SET DEFAULT ROLE ${roles} TO ${account}`;
}

// --- SHOW GRANTS ---

const ALL = "ALL PRIVILEGES";
const GRANT_OPTION = "GRANT OPTION";
const DEFAULT_ROLE = "DEFAULT ROLE";
const ROLE = "ROLE ";
const PROXY = "PROXY ";
const ADMIN = " WITH ADMIN OPTION";

/** "GRANT ... [ON ...] TO account [WITH ...]", "SET DEFAULT ROLE ... FOR account", and MySQL's "REVOKE ... ON ... FROM account". */
export function parseGrant(shown: string): readonly Grant[] {
  const tokens = tokensOf(shown);
  const words = tokens.map(({ text }) => text);
  if (words[0] === "SET") {
    return [{ thing: DEFAULT_ROLE, privilege: sliceOf(shown, tokens.slice(3, words.indexOf("FOR"))) }];
  }
  const to = words.indexOf("TO");
  if (words[0] !== "GRANT" || to === -1) {
    throw new RotationError(
      "ConfigurationInvalid",
      `The user has privileges that are not copied: ${words[0] === "REVOKE" ? "partial revokes" : "of a kind that is not known"}.`,
    );
  }
  const what = tokens.slice(1, to);
  const on = what.findIndex(({ text }) => text === "ON");
  const has = (option: string) =>
    words.some((word, index) => index > to && word === option && words[index + 1] === "OPTION");
  const isGrantable = has("GRANT");
  if (on === -1) {
    const option = has("ADMIN") ? ADMIN : "";
    return splitAtCommas(what).map((role) => ({ thing: `${ROLE}${sliceOf(shown, role)}${option}`, privilege: "" }));
  }
  const thing = sliceOf(shown, what.slice(on));
  if (words[1] === "PROXY") {
    return [{ thing: `${PROXY}${thing}${isGrantable ? ` WITH ${GRANT_OPTION}` : ""}`, privilege: "" }];
  }
  const privileges = splitAtCommas(what.slice(0, on)).flatMap((each) => parsePrivilege(shown, each));
  // Each of MySQL's dynamic privileges has a grant option of its own.
  if (privileges.some((privilege) => /^[A-Z]+(_[A-Z]+)+$/.test(privilege))) {
    return privileges.map((privilege) => ({
      thing: `${thing}${isGrantable ? ` WITH ${GRANT_OPTION}` : ""}`,
      privilege,
    }));
  }
  return [...privileges, ...(isGrantable ? [GRANT_OPTION] : [])]
    .filter((privilege) => privilege !== "USAGE")
    .map((privilege) => ({ thing, privilege }));
}

/** "SELECT", or "SELECT (`a`, `b`)" as one for each column. */
function parsePrivilege(shown: string, tokens: readonly Token[]): readonly string[] {
  const open = tokens.findIndex(({ text }) => text === "(");
  if (open === -1) {
    return [sliceOf(shown, tokens)];
  }
  const name = sliceOf(shown, tokens.slice(0, open));
  return splitAtCommas(tokens.slice(open + 1, -1)).map((column) => `${name} (${sliceOf(shown, column)})`);
}

// --- sets of them ---

function without(all: readonly Grant[], taken: readonly Grant[]): readonly Grant[] {
  return all.filter((one) => !taken.some((other) => other.thing === one.thing && other.privilege === one.privilege));
}

function byThing(grants: readonly Grant[]): ReadonlyMap<string, readonly string[]> {
  const things = new Map<string, string[]>();
  for (const { thing, privilege } of grants) {
    things.set(thing, [...(things.get(thing) ?? []), privilege]);
  }
  return things;
}

/** The text without `end`, and `end` if it was there. */
function parted(text: string, end: string): readonly [string, string] {
  return text.endsWith(end) ? [text.slice(0, -end.length), end] : [text, ""];
}
