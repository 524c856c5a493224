import * as z from "zod/mini";
import english from "zod/v4/locales/en.js";

/** A schema of "zod" or of "zod/mini": what both are made of. */
export type Schema<T = unknown> = z.core.$ZodType<T>;

export type Parsed<T> =
  | { readonly success: true; readonly data: T }
  /** One sentence per problem: where, what is wrong. */
  | { readonly success: false; readonly problems: string };

/**
 * Parses what comes from outside. Pure. Values are never repeated in a problem: a field may hold a secret.
 */
export function parse<T>(schema: Schema<T>, value: unknown): Parsed<T> {
  // zod/mini brings no messages of its own.
  const parsed = z.safeParse(schema, value, { error: localeError });
  return parsed.success ? parsed : { success: false, problems: explain(parsed.error) };
}

const { localeError } = english();

function explain({ issues }: z.core.$ZodError): string {
  return issues
    .map(({ path, message }) => `${path.length > 0 ? `Field ${path.join(".")}: ` : ""}${message}.`)
    .join(" ");
}
