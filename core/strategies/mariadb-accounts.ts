import { RotationError } from "../errors.ts";
import type { WritableSession } from "./mariadb-connection.ts";
import type { MariadbSession } from "./mariadb-driver.ts";
import { type AccountName, quoteAccount, quoteText, showAccount } from "./mariadb-identifiers.ts";
import { type Authentication, isPasswordOf, isSame, takesPassword } from "./mariadb-passwords.ts";
import { type Token, tokensOf, unquote } from "./mariadb-tokens.ts";

/** An account as SHOW CREATE USER shows it. */
export interface Account extends AccountName {
  /** Any one of them is enough to sign in. */
  readonly authentications: readonly Authentication[];
  /** TLS requirement, resource limits and rules for passwords, each by its first words, as SQL. Those that are missing have their default. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * All accounts of this user name, in the order of their hosts. Only reads.
 * @throws RotationError AccessDenied without SELECT on the database mysql
 */
export async function accountsOf(session: WritableSession, user: string): Promise<readonly Account[]> {
  const notRole = session.dialect === "mariadb" ? " AND is_role = 'N'" : "";
  const rows = await session.query(
    `SELECT Host FROM mysql.user WHERE User = ${quoteText(user)}${notRole} ORDER BY Host`,
  );
  const accounts: Account[] = [];
  for (const [host = ""] of rows) {
    accounts.push(await readAccount(session, { user, host }));
  }
  return accounts;
}

/**
 * The account as it is now. Only reads.
 * @throws RotationError TargetUnavailable when it is gone; AccessDenied without SELECT on the database mysql
 */
export async function readAccount(session: MariadbSession, account: AccountName): Promise<Account> {
  const [[shown = ""] = []] = await session.query(`SHOW CREATE USER ${quoteAccount(account)}`);
  return parseAccount(shown);
}

/** The account that the session signed in to. Needs no privilege. */
export async function ownAccount(session: MariadbSession): Promise<Account> {
  const [[shown = ""] = []] = await session.query("SHOW CREATE USER CURRENT_USER()");
  return parseAccount(shown);
}

/**
 * Where the account's only password is, or would be, among its authentications.
 * @throws RotationError ConfigurationInvalid when it has no place for one, or several
 */
export function passwordIndex(account: Account): number {
  const found = account.authentications.flatMap((each, index) => (takesPassword(each) ? [index] : []));
  const [index] = found;
  if (index === undefined || found.length > 1) {
    const plugins = account.authentications.map(({ plugin }) => plugin).join(", ") || "none";
    throw new RotationError(
      "ConfigurationInvalid",
      `The account ${showAccount(account)} must have one password that can be changed; it has ${found.length} ` +
        `(authentication plugins: ${plugins}).`,
    );
  }
  return index;
}

/** @throws RotationError ConfigurationInvalid when the account has no place for a password, or several */
export function passwordOf(account: Account): Authentication {
  return account.authentications[passwordIndex(account)] ?? { plugin: "", stored: "" };
}

/** The account with another password in the place that `index` says. */
export function withPassword(account: Account, index: number, password: Authentication): Account {
  return { ...account, authentications: account.authentications.with(index, password) };
}

/**
 * @param known passwords that may be theirs: what two accounts store for the same password differs where it is salted
 * @throws RotationError ConfigurationInvalid when the accounts of one user name have not one password each, and the same
 */
export function shareOnePassword(accounts: readonly Account[], known: readonly string[]): void {
  const [first, ...others] = accounts.map((account) => ({ name: showAccount(account), password: passwordOf(account) }));
  const differing = others.find(({ password }) => {
    const both = [first?.password ?? password, password] as const;
    return !(isSame(...both) || known.some((one) => both.every((each) => isPasswordOf(each, one))));
  });
  if (first && differing) {
    throw new RotationError(
      "ConfigurationInvalid",
      `The accounts ${first.name} and ${differing.name} have different passwords, and a secret holds one. Give them the same, or drop ` +
        "the one that is not this secret's.",
    );
  }
}

/**
 * Sets the authentications of accounts, all in one statement, which the server carries out for one after the other; nothing else of
 * them changes.
 */
export async function setAuthentications(
  session: WritableSession,
  accounts: readonly (AccountName & Pick<Account, "authentications">)[],
): Promise<void> {
  const changes = accounts.map(
    (account) => `${quoteAccount(account)} ${identifiedBy(session.dialect, account.authentications)}`,
  );
  await session.query(`ALTER USER ${changes.join(", ")}`);
}

/** The clause of CREATE USER and ALTER USER. */
export function identifiedBy(dialect: WritableSession["dialect"], authentications: readonly Authentication[]): string {
  if (dialect === "mysql") {
    const [only] = authentications;
    const stored = Buffer.from(only?.stored ?? "", "latin1").toString("hex");
    return `IDENTIFIED WITH ${quoteText(only?.plugin ?? "")} AS 0x${stored}`;
  }
  const ways = authentications.map(({ plugin, stored }) =>
    stored === "" ? plugin : `${plugin} USING ${quoteText(stored)}`,
  );
  return `IDENTIFIED VIA ${ways.join(" OR ")}`;
}

/** What `options` leaves out. */
const DEFAULTS: Readonly<Record<WritableSession["dialect"], Readonly<Record<string, string>>>> = {
  mariadb: {
    REQUIRE: "REQUIRE NONE",
    MAX_QUERIES_PER_HOUR: "MAX_QUERIES_PER_HOUR 0",
    MAX_UPDATES_PER_HOUR: "MAX_UPDATES_PER_HOUR 0",
    MAX_CONNECTIONS_PER_HOUR: "MAX_CONNECTIONS_PER_HOUR 0",
    MAX_USER_CONNECTIONS: "MAX_USER_CONNECTIONS 0",
    MAX_STATEMENT_TIME: "MAX_STATEMENT_TIME 0",
    "PASSWORD EXPIRE": "PASSWORD EXPIRE DEFAULT",
  },
  mysql: {
    REQUIRE: "REQUIRE NONE",
    MAX_QUERIES_PER_HOUR: "MAX_QUERIES_PER_HOUR 0",
    MAX_UPDATES_PER_HOUR: "MAX_UPDATES_PER_HOUR 0",
    MAX_CONNECTIONS_PER_HOUR: "MAX_CONNECTIONS_PER_HOUR 0",
    MAX_USER_CONNECTIONS: "MAX_USER_CONNECTIONS 0",
    "PASSWORD EXPIRE": "PASSWORD EXPIRE DEFAULT",
    "PASSWORD HISTORY": "PASSWORD HISTORY DEFAULT",
    "PASSWORD REUSE": "PASSWORD REUSE INTERVAL DEFAULT",
    "PASSWORD REQUIRE": "PASSWORD REQUIRE CURRENT DEFAULT",
    FAILED_LOGIN_ATTEMPTS: "FAILED_LOGIN_ATTEMPTS 0",
    PASSWORD_LOCK_TIME: "PASSWORD_LOCK_TIME 0",
  },
};

/** The options that a copy has to have, all of them, as the clauses of CREATE USER and ALTER USER. Whether it is locked is not one. */
export function optionsOf(dialect: WritableSession["dialect"], account: Account): string {
  const all = Object.entries(DEFAULTS[dialect]).map(([name, standard]) => account.options.get(name) ?? standard);
  const limits = all.filter((option) => option.startsWith("MAX_"));
  const [requirement, ...rest] = all.filter((option) => !limits.includes(option));
  return `${requirement} WITH ${limits.join(" ")} ${rest.join(" ")}`;
}

// --- SHOW CREATE USER ---

/**
 * "CREATE USER `user`@`host` IDENTIFIED ... REQUIRE ... WITH ... ACCOUNT ... PASSWORD ..."; MySQL adds more of the kind.
 * @throws RotationError ConfigurationInvalid for MySQL's multi-factor authentication
 */
export function parseAccount(shown: string): Account {
  const tokens = tokensOf(shown);
  const [, , user, , host] = tokens;
  if (user === undefined || host === undefined) {
    throw new RotationError("InternalError", "The answer to SHOW CREATE USER is not of the form that is known.");
  }
  const { authentications, rest } = parseAuthentications(tokens.slice(5));
  return { user: unquote(user), host: unquote(host), authentications, options: parseOptions(shown, rest) };
}

function parseAuthentications(tokens: readonly Token[]) {
  const authentications: Authentication[] = [];
  let rest = tokens;
  const next = (): Token => {
    const [first, ...others] = rest;
    rest = others;
    return first ?? { text: "", start: 0, end: 0 };
  };
  const skips = (...words: readonly string[]) => {
    if (!words.every((word, index) => rest[index]?.text === word)) {
      return false;
    }
    rest = rest.slice(words.length);
    return true;
  };
  if (skips("IDENTIFIED", "BY", "PASSWORD")) {
    authentications.push({ plugin: "mysql_native_password", stored: unquote(next()) });
  } else if (skips("IDENTIFIED", "VIA") || skips("IDENTIFIED", "WITH")) {
    do {
      const plugin = unquote(next());
      const stored = skips("USING") || skips("AS") ? fromHex(unquote(next())) : "";
      authentications.push({ plugin, stored });
    } while (skips("OR"));
  }
  if (rest[0]?.text === "AND") {
    throw new RotationError(
      "ConfigurationInvalid",
      "The account has several authentication factors: they are not kept.",
    );
  }
  return { authentications, rest };
}

function fromHex(stored: string): string {
  return /^0x[0-9A-F]+$/.test(stored) ? Buffer.from(stored.slice(2), "hex").toString("latin1") : stored;
}

/** The words that an option begins with. A rule for passwords has PASSWORD and a second word, and may go on with REQUIRE or DEFAULT. */
const FIRST_WORD =
  /^(REQUIRE|MAX_[A-Z_]+|ACCOUNT|PASSWORD|FAILED_LOGIN_ATTEMPTS|PASSWORD_LOCK_TIME|ATTRIBUTE|DEFAULT)$/;

function parseOptions(shown: string, tokens: readonly Token[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  let [name, start] = ["", 0];
  for (const [index, { text, start: from, end }] of tokens.entries()) {
    const isWithinPasswordRule = tokens[index - 1]?.text === "PASSWORD" || name.startsWith("PASSWORD ");
    if (text === "WITH") {
      name = "";
    } else if (FIRST_WORD.test(text) && !(isWithinPasswordRule && /^(REQUIRE|DEFAULT)$/.test(text))) {
      name = text === "PASSWORD" ? `PASSWORD ${tokens[index + 1]?.text}` : text;
      start = from;
    }
    if (name !== "") {
      options.set(name, shown.slice(start, end));
    }
  }
  // Expired now, not by a rule: the rule is not shown then.
  if (options.get("PASSWORD EXPIRE") === "PASSWORD EXPIRE") {
    options.delete("PASSWORD EXPIRE");
  }
  return options;
}
