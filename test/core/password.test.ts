import fc from "fast-check";
import { expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";

/** What must never be in a password: it breaks connection URIs, shells, JSON, or is on AWS's own list for PostgreSQL. */
const NEVER = "/@\"'\\:` \n\t";

const rules = fc
  .record({
    length: fc.integer({ min: 16, max: 128 }),
    excludePunctuation: fc.boolean(),
    excludeCharacters: fc.string({ unit: fc.constantFrom(..."abcxyzABCXYZ0123458!#$~"), maxLength: 20 }),
  })
  .map((input) => passwordRules.parse(input));

test("every password keeps its rules, whatever they are", () => {
  fc.assert(
    fc.property(rules, (chosen) => {
      const password = passwordGenerator(chosen)();

      expect(password).toHaveLength(chosen.length);
      expect([...password].filter((character) => (NEVER + chosen.excludeCharacters).includes(character))).toEqual([]);
      expect(password).toMatch(/[a-z]/);
      expect(password).toMatch(/[A-Z]/);
      expect(password).toMatch(/[0-9]/);
      expect(/[^a-zA-Z0-9]/.test(password)).toBe(!chosen.excludePunctuation);
      expect(password).toMatch(/^[\x21-\x7e]+$/);
    }),
  );
});

test("without a word about it, a password has 32 letters and digits, more than 128 bits", () => {
  expect(passwordRules.parse({})).toEqual({ length: 32, excludeCharacters: "", excludePunctuation: true });
  expect(32 * Math.log2(62)).toBeGreaterThan(128);
  expect(passwordGenerator(passwordRules.parse({}))()).toMatch(/^[a-zA-Z0-9]{32}$/);
});

test("no two of 10000 passwords are the same", () => {
  const generate = passwordGenerator(passwordRules.parse({ length: 16 }));

  expect(new Set(Array.from({ length: 10_000 }, generate)).size).toBe(10_000);
});

test("every character is as likely as every other", () => {
  const generate = passwordGenerator(passwordRules.parse({ length: 128 }));
  const counts = new Map<string, number>();
  const passwords = 1000;
  for (let index = 0; index < passwords; index += 1) {
    for (const character of generate()) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
  }

  const expected = (passwords * 128) / 62;
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);

  expect(counts.size).toBe(62);
  // 61 degrees of freedom: a fair source exceeds 140 less than once in ten million runs.
  expect(chiSquare).toBeLessThan(140);
});

test("every position may hold every class: there is no pattern to guess", () => {
  const generate = passwordGenerator(passwordRules.parse({ length: 16 }));
  const seen = Array.from({ length: 16 }, () => new Set<string>());
  for (let index = 0; index < 500; index += 1) {
    [...generate()].forEach((character, position) => {
      seen[position]?.add(/[a-z]/.test(character) ? "lower" : /[A-Z]/.test(character) ? "upper" : "digit");
    });
  }

  expect(seen.map((classes) => classes.size)).toEqual(Array.from({ length: 16 }, () => 3));
});

test.each([["abcdefghijklmnopqrstuvwxyz"], ["ABCDEFGHIJKLMNOPQRSTUVWXYZ"], ["0123456789"]])(
  "rules that leave a class empty are refused at once: %s",
  (excludeCharacters) => {
    expect(passwordRules.safeParse({ excludeCharacters }).error?.issues[0]?.path).toEqual(["excludeCharacters"]);
  },
);

test.each([[{ length: 15 }], [{ length: 129 }], [{ length: 20.5 }], [{ lenght: 20 }]])("%j is no rule", (input) => {
  expect(passwordRules.safeParse(input).success).toBe(false);
});
