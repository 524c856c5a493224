import { RotationError } from "../errors.ts";

/** The longest user name, in characters: USERNAME_CHAR_LENGTH of MariaDB. */
export const MAX_USERNAME_MARIADB = 128;

/** The same of MySQL. */
export const MAX_USERNAME_MYSQL = 32;

/** An account is a user name and the host that it may come from. One user name may have several. */
export interface AccountName {
  readonly user: string;
  readonly host: string;
}

/**
 * Whether the server can hold `name` exactly as it is written. Names are kept in utf8mb3, where a character beyond U+FFFF becomes
 * "?", and compared without regard to spaces at their end.
 */
export function isUsername(name: string, maxCharacters = MAX_USERNAME_MARIADB): boolean {
  return (
    name.length <= maxCharacters &&
    !/[\0\ud800-\udfff]/.test(name) &&
    // An empty name would be the anonymous user, who is anybody.
    !/(^| )$/.test(name)
  );
}

/**
 * Quotes a user name, for any sql_mode.
 * @throws RotationError ConfigurationInvalid when no server can hold the name
 */
export function quoteAccount({ user, host }: AccountName): string {
  if (!isUsername(user)) {
    throw new RotationError(
      "ConfigurationInvalid",
      `A user name must have 1 to ${MAX_USERNAME_MARIADB} characters, none of them NUL or beyond U+FFFF, and no space at its end.`,
    );
  }
  return `${quoteName(user)}@${quoteName(host)}`;
}

/** Quotes a text constant. Only for sessions whose sql_mode has no NO_BACKSLASH_ESCAPES: those of `withWritableSession`. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\0", "\\0")}'`;
}

/** "orders_app@%", for messages. */
export function showAccount({ user, host }: AccountName): string {
  return `${user}@${host}`;
}

function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}
