import { randomInt } from "node:crypto";
import * as z from "zod/mini";

/** Each type of characters by the rule that leaves it out. Quotes, backquote, backslash, slash, colon, at sign and space are in none. */
const TYPES = {
  excludeLowercase: { called: "lower-case letter", characters: "abcdefghijklmnopqrstuvwxyz" },
  excludeUppercase: { called: "upper-case letter", characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
  excludeNumbers: { called: "digit", characters: "0123456789" },
  excludePunctuation: { called: "punctuation", characters: "!#$%&()*+,-.;<=>?[]^_{|}~" },
} as const;
type Exclusion = keyof typeof TYPES;
const EXCLUSIONS = Object.keys(TYPES) as readonly Exclusion[];

/** RFC 3986, 2.3: what no URI encodes. */
const UNRESERVED = /[A-Za-z0-9._~-]/;

const SHORTEST = 16;
/** GetRandomPassword's own. */
const LONGEST = 4096;
/**
 * Some targets keep a hash without a salt. Whoever has stolen it and tries 10^15 passwords a second for ten years has tried 2^78:
 * one in 250,000 of what is left here.
 */
const LEAST_BITS = 96;

/**
 * Rules for generated passwords, by the names of Secrets Manager's GetRandomPassword. Those that leave a required type without a
 * character, or fewer than 96 bits, are refused.
 */
export const passwordRules = z
  .strictObject({
    length: z._default(z.int().check(z.minimum(SHORTEST), z.maximum(LONGEST)), 32),
    excludeLowercase: z._default(z.boolean(), false),
    excludeUppercase: z._default(z.boolean(), false),
    excludeNumbers: z._default(z.boolean(), false),
    excludePunctuation: z._default(z.boolean(), true),
    excludeCharacters: z._default(z.string().check(z.maxLength(128)), ""),
    /** Whether every type that is not left out occurs at least once. */
    requireEachIncludedType: z._default(z.boolean(), true),
    /** Of punctuation only - . _ ~ */
    uriSafe: z._default(z.boolean(), false),
  })
  .check(
    z.superRefine((rules, context) => {
      const problem = problemOf(rules);
      if (problem !== undefined) context.addIssue({ code: "custom", path: [problem.field], message: problem.message });
    }),
  );
export type PasswordRules = z.infer<typeof passwordRules>;

export type PasswordGenerator = () => string;

/**
 * Returns a generator of passwords from the system's random source. Every password that the rules allow is as likely as every other.
 */
export function passwordGenerator(rules: PasswordRules): PasswordGenerator {
  const types = typesOf(rules);
  const all = types.flat();
  const required = rules.requireEachIncludedType ? types : [];
  return () => {
    // Whole passwords are thrown away until one has every type: to put a type in where it is missing would make some likelier than
    // others. It ends: whatever rules are taken, at least one text in thirteen has every type.
    for (;;) {
      const password = Array.from({ length: rules.length }, () => all[randomInt(all.length)] as string);
      if (required.every((characters) => password.some((character) => characters.includes(character)))) {
        return password.join("");
      }
    }
  };
}

/** How many passwords the rules allow, as a power of two. */
export function passwordBits(rules: PasswordRules): number {
  const types = typesOf(rules);
  const all = types.flat().length;
  const share = rules.requireEachIncludedType ? shareWithEach(types, all, rules.length) : 1;
  return rules.length * Math.log2(all) + Math.log2(share);
}

// --- internal ---

function problemOf(
  rules: PasswordRules,
): { readonly field: keyof PasswordRules; readonly message: string } | undefined {
  const types = typesOf(rules);
  const empty = includedIn(rules).find((_, index) => types[index]?.length === 0);
  if (empty !== undefined && rules.requireEachIncludedType) {
    const message = `leaves no ${TYPES[empty].called}, and one of each type is required: leave one, or write "${empty}: true"`;
    return { field: "excludeCharacters", message };
  }
  // What is wrong with the length itself is said already.
  if (!Number.isInteger(rules.length) || rules.length < SHORTEST || rules.length > LONGEST) return undefined;
  const bits = passwordBits(rules);
  if (bits >= LEAST_BITS) return undefined;
  const characters = types.flat().length;
  if (characters < 2) return { field: "length", message: "gives 0 bits: leave at least two characters to choose from" };
  const longer = { ...rules };
  while (passwordBits(longer) < LEAST_BITS) longer.length += 1;
  const message = `gives ${Math.floor(bits)} bits with ${characters} characters to choose from, and ${LEAST_BITS} are needed: make it at least ${longer.length}, or leave more characters`;
  return { field: "length", message };
}

function includedIn(rules: PasswordRules): readonly Exclusion[] {
  return EXCLUSIONS.filter((exclusion) => !rules[exclusion]);
}

/** The characters of each type that is not left out. */
function typesOf(rules: PasswordRules): readonly (readonly string[])[] {
  return includedIn(rules).map((exclusion) =>
    [...TYPES[exclusion].characters].filter(
      (character) => !rules.excludeCharacters.includes(character) && (!rules.uriSafe || UNRESERVED.test(character)),
    ),
  );
}

/** The share of all texts of that length that have every type: all of them, less those without one, and so on. */
function shareWithEach(types: readonly (readonly string[])[], all: number, length: number): number {
  const without = (missing: number, rest: readonly (readonly string[])[]): number => {
    const [first, ...others] = rest;
    if (first === undefined) return (1 - missing / all) ** length;
    return without(missing, others) - without(missing + first.length, others);
  };
  return without(0, types);
}
