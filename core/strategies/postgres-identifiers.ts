import { RotationError } from "../errors.ts";

/** NAMEDATALEN - 1. PostgreSQL silently cuts longer names off, so that two names may become one. */
export const MAX_IDENTIFIER_BYTES = 63;

/** Whether PostgreSQL can hold `name` exactly as it is written. */
export function isIdentifier(name: string): boolean {
  // Half a surrogate pair would be sent as U+FFFD, and so be another name.
  return name !== "" && !/[\0\p{Surrogate}]/u.test(name) && Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES;
}

/**
 * Quotes an identifier for a statement; any character but NUL may be in it.
 * @throws RotationError ConfigurationInvalid when PostgreSQL cannot hold the name
 */
export function quoteIdentifier(name: string): string {
  if (!isIdentifier(name)) {
    throw new RotationError(
      "ConfigurationInvalid",
      `A name for PostgreSQL must have 1 to ${MAX_IDENTIFIER_BYTES} bytes, no NUL and no unpaired surrogate; this one has ${Buffer.byteLength(name)} bytes.`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Quotes a text constant, for statements that take no parameters. A backslash means itself whatever the server's
 * standard_conforming_strings is (PostgreSQL, "String Constants with C-Style Escapes"). Not the driver's own: what changes roles is
 * in the bundles of every engine, and the driver in PostgreSQL's alone.
 */
export function quoteLiteral(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}
