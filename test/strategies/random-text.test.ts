import { describe, expect, test } from "vitest";
import { parseCredential } from "../../core/credentials.ts";
import { type PasswordRules, passwordGenerator, passwordRules } from "../../core/password.ts";
import { randomText } from "../../core/strategies/random-text.ts";
import { testStrategyWithoutTarget } from "../contracts/strategy-without-target.ts";

const pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";

testStrategyWithoutTarget<string>({
  strategy: randomText,
  name: "a bare token",
  current: "the-first-value-of-a-token",
  secretOf: (text) => text,
  tampered: ({ base }) => ({
    "the same value": base,
    "the same value with a line break at its end": `${base}\n`,
  }),
});

describe("the text of a secret", () => {
  test.each([
    "x",
    "the-first-value-of-a-token",
    "with a line break at its end\n",
    "  with space around it  ",
    "1234567890123456",
    "true",
    "null",
    "{curly}",
    "[1,2]",
    'says "hello"',
    "ünï 🐘",
  ])("%j is taken as it is", (text) => {
    expect(parseCredential(randomText, text, "It")).toBe(text);
  });

  test.each([
    ["", "must not be empty"],
    [" \n", "must not be empty"],
    [
      '{"token": "hunter2"}',
      "looks like JSON, which a bare text would replace: for a JSON object there is random-value",
    ],
    ['\n{\n  "token": "hunter2",\n', "looks like JSON"],
    ["{}", "looks like JSON"],
    ['[{"token": "hunter2"}]', "looks like JSON"],
    ['"hunter2"', "looks like JSON"],
    [pem, "has several lines, as a key or a file has, and must be a token of one"],
    ["TOKEN=hunter2\r\nOTHER=hunter2", "has several lines"],
  ])("%j is refused, and not repeated", (text, problem) => {
    expect(() => parseCredential(randomText, text, "It")).toThrowError(
      expect.objectContaining({
        name: "ConfigurationInvalid",
        message: expect.stringMatching(new RegExp(`^It is not what strategy random-text needs. The secret ${problem}`)),
      }),
    );
    expect(() => parseCredential(randomText, text, "It")).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
  });

  test.each<[string, Partial<PasswordRules>]>([
    ["of all characters", { excludePunctuation: false }],
    [
      "of punctuation",
      { excludePunctuation: false, excludeLowercase: true, excludeUppercase: true, excludeNumbers: true },
    ],
    [
      "of brackets and digits",
      {
        excludePunctuation: false,
        excludeLowercase: true,
        excludeUppercase: true,
        excludeCharacters: "!#$%&()*+-.;<=>?^_|~",
      },
    ],
    ["of digits", { excludeLowercase: true, excludeUppercase: true }],
  ])("that the password rules make is taken, whatever they are: %s", (_which, rules) => {
    const generate = passwordGenerator(passwordRules.parse({ length: 48, ...rules }));
    for (let n = 0; n < 2000; n += 1) {
      const text = randomText.createSecret("the-first-value-of-a-token", generate);
      expect(parseCredential(randomText, text, "It")).toBe(text);
    }
  });
});
