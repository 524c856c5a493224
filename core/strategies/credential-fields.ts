import * as z from "zod/mini";
import { RotationError } from "../errors.ts";
import type { Schema } from "../parse.ts";

// What the secrets of servers have in common, by AWS's names. Messages name the field, never its value.

export const host = z
  .string({ error: "host must be a text" })
  .check(
    z.regex(
      /^[^\s/\0]{1,255}$/,
      "host must be a host name or an address, without spaces and slashes, of at most 255 characters",
    ),
  );

export const port = z
  .union([z.number(), z.string()], { error: "port must be a number from 1 to 65535" })
  .check(
    z.refine(
      (value) => /^[1-9]\d{0,4}$/.test(String(value)) && Number(value) <= 65_535,
      "port must be a number from 1 to 65535",
    ),
  );

export const ssl = z
  .union([z.boolean(), z.string()], { error: "ssl must be true or false" })
  .check(z.refine((value) => /^(true|false)$/i.test(String(value)), "ssl must be true or false"));

export const masterarn = z
  .string({ error: "masterarn must be a text" })
  .check(z.minLength(1, "masterarn must not be empty"));

/** A password of a database: any text without NUL. */
export const databasePassword = z.string({ error: "password must be a text" }).check(
  z.minLength(1, "password must not be empty"),
  z.refine((text) => !text.includes("\0"), "password must not contain NUL"),
);

/** Host names are compared as DNS does, without regard to case. */
export function sameHost(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/**
 * How AWS's rotation templates read a database's `ssl` (secrets-manager-rotation 5.1):
 * - "require": true. TLS, with the server's certificate and host name verified.
 * - "disable": false. No TLS.
 * - "prefer": absent. TLS as above; where it cannot be had, a second attempt without. Whoever sits between can bring that
 *   downgrade about, so `"ssl": true` belongs in every secret whose server offers TLS. Ours gives way only where TLS itself
 *   failed; the templates do on any failure, a refused password included.
 */
export type TlsMode = "require" | "disable" | "prefer";

export function tlsMode(credential: { readonly ssl?: boolean | string | undefined }): TlsMode {
  if (credential.ssl === undefined) return "prefer";
  return String(credential.ssl).toLowerCase() === "true" ? "require" : "disable";
}

/** @throws RotationError ConfigurationInvalid naming the fields of the administrator's secret that are malformed */
export function parseAdministrator<T>(schema: Schema<T>, secret: unknown): T {
  const parsed = z.safeParse(schema, secret);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => issue.message).join("; ");
  throw new RotationError("ConfigurationInvalid", `The secret that masterarn names is not usable: ${faults}.`);
}

/** @throws RotationError ConfigurationInvalid when the administrator's secret has a host, and it is another one than the user's */
export function checkAdministratorsHost(own: string | undefined, users: string): void {
  if (own === undefined || sameHost(own, users)) return;
  throw new RotationError(
    "ConfigurationInvalid",
    `The secret that masterarn names is for the host ${own}, the user's secret for ${users}.`,
  );
}
