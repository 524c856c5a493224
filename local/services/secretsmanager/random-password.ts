import { randomInt } from "node:crypto";
import { z } from "zod";
import { invalidParameter } from "./errors.ts";
import { parse } from "./validation.ts";

const GetRandomPasswordRequest = z.object({
  PasswordLength: z.int().min(1).max(4096).optional(),
  ExcludeCharacters: z.string().max(4096).optional(),
  ExcludeNumbers: z.boolean().optional(),
  ExcludePunctuation: z.boolean().optional(),
  ExcludeUppercase: z.boolean().optional(),
  ExcludeLowercase: z.boolean().optional(),
  IncludeSpace: z.boolean().optional(),
  RequireEachIncludedType: z.boolean().optional(),
});

/**
 * 32 characters with at least one of every included type, unless asked otherwise. A type of which ExcludeCharacters
 * leaves nothing is not included.
 *
 * @throws InvalidParameterException when no character is left, or the length has no room for one of each type
 */
export function getRandomPassword(input: unknown) {
  const request = parse(GetRandomPasswordRequest, input);
  const { PasswordLength: length = 32, RequireEachIncludedType: requireEach = true } = request;
  const types = includedTypes(request);
  const alphabet = types.join("");
  if (alphabet === "") throw invalidParameter("There are no characters left to make a password of.");
  const required = requireEach ? types : [];
  if (length < required.length) {
    throw invalidParameter(`The password length ${length} is too short based on the required types.`);
  }
  const rest = Array.from({ length: length - required.length }, () => alphabet);
  return { RandomPassword: shuffled([...required, ...rest].map(anyOf)).join("") };
}

function includedTypes(request: z.infer<typeof GetRandomPasswordRequest>): string[] {
  const types = [
    request.ExcludeLowercase ? "" : "abcdefghijklmnopqrstuvwxyz",
    request.ExcludeUppercase ? "" : "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    request.ExcludeNumbers ? "" : "0123456789",
    request.ExcludePunctuation ? "" : "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    request.IncludeSpace ? " " : "",
  ];
  const excluded = request.ExcludeCharacters ?? "";
  const left = types.map((type) => [...type].filter((character) => !excluded.includes(character)).join(""));
  return left.filter((type) => type !== "");
}

function anyOf(characters: string): string {
  return characters.charAt(randomInt(characters.length));
}

/** Fisher-Yates: every order is equally likely. */
function shuffled(items: readonly string[]): string[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [result[last], result[other]] = [result[other] ?? "", result[last] ?? ""];
  }
  return result;
}
