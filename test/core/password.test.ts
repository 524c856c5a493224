import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PasswordRules, passwordBits, passwordGenerator, passwordRules } from "../../core/password.ts";

/** What must never be in a password: it breaks connection URIs, shells, JSON, or is on AWS's own list for PostgreSQL. */
const NEVER = "/@\"'\\:` \n\t";

const TYPES = {
  excludeLowercase: /[a-z]/,
  excludeUppercase: /[A-Z]/,
  excludeNumbers: /[0-9]/,
  excludePunctuation: /[^a-zA-Z0-9]/,
} as const;

/** Rules as people may write them; those that are refused are others' concern. */
const rules = fc
  .record({
    length: fc.oneof(fc.integer({ min: 16, max: 128 }), fc.integer({ min: 16, max: 4096 })),
    excludeLowercase: fc.boolean(),
    excludeUppercase: fc.boolean(),
    excludeNumbers: fc.boolean(),
    excludePunctuation: fc.boolean(),
    excludeCharacters: fc.string({ unit: fc.constantFrom(..."abcxyzABCXYZ0123458!#$~-"), maxLength: 20 }),
    requireEachIncludedType: fc.boolean(),
    uriSafe: fc.boolean(),
  })
  .map((input) => passwordRules.safeParse(input).data)
  .filter((parsed) => parsed !== undefined);

test("every password keeps its rules, whatever they are", () => {
  fc.assert(
    fc.property(rules, (chosen) => {
      const password = passwordGenerator(chosen)();

      expect(password).toHaveLength(chosen.length);
      expect([...password].filter((character) => (NEVER + chosen.excludeCharacters).includes(character))).toEqual([]);
      expect(password).toMatch(/^[\x21-\x7e]+$/);
      for (const [exclusion, type] of Object.entries(TYPES)) {
        const isExcluded = chosen[exclusion as keyof typeof TYPES];
        if (isExcluded) expect(password).not.toMatch(type);
        else if (chosen.requireEachIncludedType) expect(password).toMatch(type);
      }
      if (chosen.uriSafe) expect(encodeURIComponent(password)).toBe(password);
    }),
  );
});

test("without a word about it, a password has 32 letters and digits, more than 128 bits", () => {
  expect(passwordRules.parse({})).toEqual({
    length: 32,
    excludeLowercase: false,
    excludeUppercase: false,
    excludeNumbers: false,
    excludePunctuation: true,
    excludeCharacters: "",
    requireEachIncludedType: true,
    uriSafe: false,
  });
  expect(passwordBits(passwordRules.parse({}))).toBeGreaterThan(128);
  expect(passwordGenerator(passwordRules.parse({}))()).toMatch(/^[a-zA-Z0-9]{32}$/);
});

test("of punctuation a URI-safe password has - . _ ~ and no other, and one of them at least", () => {
  const generate = passwordGenerator(passwordRules.parse({ length: 200, uriSafe: true, excludePunctuation: false }));
  const punctuation = Array.from({ length: 100 }, generate).map((password) => password.replace(/[a-zA-Z0-9]/g, ""));

  expect([...new Set(punctuation.join(""))].sort().join("")).toBe("-._~");
  expect(punctuation.filter((each) => each === "")).toEqual([]);
});

test("no two of 10000 passwords are the same", () => {
  const generate = passwordGenerator(passwordRules.parse({ length: 17 }));

  expect(new Set(Array.from({ length: 10_000 }, generate)).size).toBe(10_000);
});

describe("every password that the rules allow is as likely as every other", () => {
  test("so every character is, where no type has more", () => {
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

  test("and a required type of one character occurs as often as chance has it, not once for certain", () => {
    const input = { length: 24, excludeLowercase: true, excludeCharacters: "123456789" };
    const generate = passwordGenerator(passwordRules.parse(input));
    const passwords = 20_000;
    const seen = [0, 0, 0, 0];
    for (let index = 0; index < passwords; index += 1) {
      const zeros = [...generate()].filter((character) => character === "0").length;
      seen[Math.min(zeros, 3)] = (seen[Math.min(zeros, 3)] ?? 0) + 1;
    }

    // Of all texts with k zeros among 27 characters, those without any are not allowed.
    const choose = [1, 24, 276];
    const share = choose.map((ways, zeros) => (ways * 26 ** (24 - zeros)) / 27 ** 24);
    const allowed = 1 - (share[0] ?? 0);
    const [one = 0, two = 0] = [share[1], share[2]].map((each) => (each ?? 0) / allowed);
    const expected = [one, two, 1 - one - two].map((each) => each * passwords);
    const chiSquare = expected.reduce((sum, each, index) => sum + ((seen[index + 1] ?? 0) - each) ** 2 / each, 0);
    expect(seen[0]).toBe(0);
    // Two degrees of freedom: a fair source exceeds 41 once in a billion runs.
    expect(chiSquare).toBeLessThan(41);
  });

  test("and every position may hold every type: there is no pattern to guess", () => {
    const generate = passwordGenerator(passwordRules.parse({ length: 17 }));
    const seen = Array.from({ length: 17 }, () => new Set<string>());
    for (let index = 0; index < 500; index += 1) {
      [...generate()].forEach((character, position) => {
        seen[position]?.add(/[a-z]/.test(character) ? "lower" : /[A-Z]/.test(character) ? "upper" : "digit");
      });
    }

    expect(seen.map((types) => types.size)).toEqual(Array.from({ length: 17 }, () => 3));
  });
});

test("the bits are those of the passwords that the rules allow, no more", () => {
  const bits = (input: Partial<PasswordRules>) => passwordBits({ ...passwordRules.parse({}), ...input });

  expect(bits({ length: 20, requireEachIncludedType: false })).toBeCloseTo(20 * Math.log2(62), 9);
  // Three characters, one of each type: 26 x 26 x 10, in six orders.
  expect(bits({ length: 3 })).toBeCloseTo(Math.log2(26 * 26 * 10 * 6), 9);
  expect(bits({ length: 29, excludeLowercase: true, excludeUppercase: true })).toBeCloseTo(29 * Math.log2(10), 9);
});

describe("rules are refused at once, with the field and the fix,", () => {
  const noDigit = 'leaves no digit, and one of each type is required: leave one, or write "excludeNumbers: true"';
  const noPunctuation =
    'leaves no punctuation, and one of each type is required: leave one, or write "excludePunctuation: true"';
  const digits = { excludeLowercase: true, excludeUppercase: true };

  test.each<[string, object, string, string]>([
    ["that leave no digit", { excludeCharacters: "0123456789" }, "excludeCharacters", noDigit],
    [
      "that leave no lower-case letter",
      { excludeCharacters: "abcdefghijklmnopqrstuvwxyz" },
      "excludeCharacters",
      "leaves no lower-case letter",
    ],
    [
      "that leave no upper-case letter",
      { excludeCharacters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
      "excludeCharacters",
      "leaves no upper-case letter",
    ],
    [
      "that leave no punctuation which is URI-safe",
      { uriSafe: true, excludePunctuation: false, excludeCharacters: "-._~" },
      "excludeCharacters",
      noPunctuation,
    ],
    [
      "with too few bits",
      { length: 16 },
      "length",
      "gives 95 bits with 62 characters to choose from, and 96 are needed: make it at least 17, or leave more characters",
    ],
    ["of digits, too short", { ...digits, length: 28 }, "length", "make it at least 29"],
    [
      "with one character to choose from",
      { ...digits, excludeCharacters: "123456789", length: 4096 },
      "length",
      "gives 0 bits: leave at least two characters to choose from",
    ],
    [
      "with no character to choose from",
      { ...digits, excludeNumbers: true },
      "length",
      "gives 0 bits: leave at least two characters to choose from",
    ],
  ])("%s", (_what, input, field, message) => {
    const issues = passwordRules.safeParse(input).error?.issues;
    expect(issues).toHaveLength(1);
    expect(issues?.[0]).toMatchObject({ path: [field], message: expect.stringContaining(message) });
  });

  test("and a length that would do is taken, with a type left empty if none is required", () => {
    expect(passwordRules.safeParse({ ...digits, length: 29 }).success).toBe(true);
    const none = { excludeCharacters: "0123456789", requireEachIncludedType: false };
    expect(passwordGenerator(passwordRules.parse(none))()).toMatch(/^[a-zA-Z]{32}$/);
  });

  test.each([[{ length: 15 }], [{ length: 4097 }], [{ length: 20.5 }], [{ lenght: 20 }]])("%j is none", (input) => {
    expect(passwordRules.safeParse(input).error?.issues).toHaveLength(1);
  });
});
