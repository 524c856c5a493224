import { randomInt } from "node:crypto";
import { z } from "zod";

const LOWERCASE = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE = LOWERCASE.toUpperCase();
const DIGITS = "0123456789";
const PUNCTUATION = "!#$%&()*+,-.;<=>?[]^_{|}~";

/** Rules for generated passwords, named as GetRandomPassword names them. Characters that break URIs and shells are never used. */
export const passwordRules = z.strictObject({
  length: z.int().min(16).max(128).default(32),
  excludeCharacters: z.string().max(128).default(""),
  excludePunctuation: z.boolean().default(true),
});
export type PasswordRules = z.infer<typeof passwordRules>;

export type PasswordGenerator = () => string;

/**
 * Returns a generator of passwords from the system's random source. Every included class of characters occurs at least once.
 * @throws RangeError when the rules leave an included class without a character
 */
export function passwordGenerator(rules: PasswordRules): PasswordGenerator {
  const classes = [LOWERCASE, UPPERCASE, DIGITS, ...(rules.excludePunctuation ? [] : [PUNCTUATION])].map((characters) =>
    [...characters].filter((character) => !rules.excludeCharacters.includes(character)),
  );
  if (classes.some((characters) => characters.length === 0)) {
    throw new RangeError("excludeCharacters leaves a class of characters empty");
  }
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
