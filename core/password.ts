import { randomInt } from "node:crypto";
import * as z from "zod/mini";

const LOWERCASE = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE = LOWERCASE.toUpperCase();
const DIGITS = "0123456789";
const PUNCTUATION = "!#$%&()*+,-.;<=>?[]^_{|}~";

/** Rules for generated passwords, named as GetRandomPassword names them. Characters that break URIs and shells are never used. */
export const passwordRules = z
  .strictObject({
    length: z._default(z.int().check(z.minimum(16), z.maximum(128)), 32),
    excludeCharacters: z._default(z.string().check(z.maxLength(128)), ""),
    excludePunctuation: z._default(z.boolean(), true),
  })
  .check(
    z.refine((rules) => classesOf(rules).every((characters) => characters.length > 0), {
      path: ["excludeCharacters"],
      message: "leaves no lower-case letter, no upper-case letter, no digit or no punctuation to choose from",
    }),
  );
export type PasswordRules = z.infer<typeof passwordRules>;

export type PasswordGenerator = () => string;

/**
 * Returns a generator of passwords from the system's random source. Every included class of characters occurs at least once.
 */
export function passwordGenerator(rules: PasswordRules): PasswordGenerator {
  const classes = classesOf(rules);
  const all = classes.flat();
  return () => {
    // Rejection sampling over whole passwords keeps every allowed password equally likely.
    for (;;) {
      const password = Array.from({ length: rules.length }, () => all[randomInt(all.length)]);
      if (classes.every((characters) => password.some((character) => characters.includes(character as string)))) {
        return password.join("");
      }
    }
  };
}

function classesOf(rules: { readonly excludeCharacters: string; readonly excludePunctuation: boolean }) {
  return [LOWERCASE, UPPERCASE, DIGITS, ...(rules.excludePunctuation ? [] : [PUNCTUATION])].map((characters) =>
    [...characters].filter((character) => !rules.excludeCharacters.includes(character)),
  );
}
