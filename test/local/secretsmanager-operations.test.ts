import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusal, startService, withSecret } from "./secretsmanager-harness.ts";

const PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

describe("RestoreSecret", () => {
  test("takes the mark off: the secret is there again with its versions, and the call is recorded", () => {
    const { remove, restore, get, describe: describeSecret, named, arn } = withSecret();
    remove({ SecretId: "db" });
    expect(restore({ SecretId: "db" })).toEqual({ ARN: arn, Name: "db" });
    expect(get({ SecretId: "db" }).SecretString).toBe("value-1");
    expect(describeSecret({ SecretId: "db" })).not.toHaveProperty("DeletedDate");
    expect(restore({ SecretId: arn })).toEqual({ ARN: arn, Name: "db" });
    expect(named(["RestoreSecret"]).map(({ detail }) => detail.responseElements)).toEqual([{ arn }, { arn }]);
  });

  test("comes too late when the recovery window is over", () => {
    const { remove, restore, clock } = withSecret();
    remove({ SecretId: "db", RecoveryWindowInDays: 7 });
    clock.advance(7 * 24 * 3_600_000);
    expect(refusal(() => restore({ SecretId: "db" })).name).toBe("ResourceNotFoundException");
  });
});

describe("BatchGetSecretValue", () => {
  function several(names: readonly string[]) {
    const service = startService();
    for (const Name of names) {
      service.create({ Name, SecretString: `value of ${Name}`, ClientRequestToken: randomUUID() });
    }
    return service;
  }
  const namesIn = (answer: { SecretValues: { Name: string }[] }) => answer.SecretValues.map(({ Name }) => Name);

  test("gives the current values of those named, and for each other the reason", () => {
    const { batch, get, remove } = several(["a", "b", "c"]);
    remove({ SecretId: "b" });
    const answer = batch({ SecretIdList: ["a", "b", "none", get({ SecretId: "c" }).ARN] });
    expect(answer.SecretValues).toEqual([get({ SecretId: "a" }), get({ SecretId: "c" })]);
    expect(answer.Errors).toEqual([
      { SecretId: "b", ErrorCode: "InvalidRequestException", Message: expect.stringContaining("marked for deletion") },
      {
        SecretId: "none",
        ErrorCode: "ResourceNotFoundException",
        Message: "Secrets Manager can't find the specified secret.",
      },
    ]);
    expect(answer).not.toHaveProperty("NextToken");
  });

  test("pages through those that its filters match, each once, without those marked for deletion", () => {
    const names = Array.from({ length: 25 }, (_, index) => `app/${index}`);
    const { batch, remove } = several([...names, "other"]);
    remove({ SecretId: "app/7" });
    const Filters = [{ Key: "name", Values: ["app/"] }];
    const first = batch({ Filters });
    expect(first.SecretValues).toHaveLength(20);
    const second = batch({ Filters, NextToken: first.NextToken });
    expect(second).not.toHaveProperty("NextToken");
    expect([...namesIn(first), ...namesIn(second)]).toEqual(names.filter((name) => name !== "app/7"));
    expect(namesIn(batch({ Filters, MaxResults: 2 }))).toEqual(["app/0", "app/1"]);
  });

  test.each([
    [{}, "InvalidParameterException"],
    [{ SecretIdList: ["a"], Filters: [{ Key: "name", Values: ["a"] }] }, "InvalidParameterException"],
    [{ SecretIdList: ["a"], MaxResults: 1 }, "InvalidParameterException"],
    [{ SecretIdList: Array(21).fill("a") }, "ValidationException"],
    [{ Filters: [{ Key: "name", Values: ["a"] }], MaxResults: 21 }, "ValidationException"],
    [{ Filters: [{ Key: "name", Values: ["a"] }], NextToken: "made up" }, "InvalidNextTokenException"],
  ])("%j is refused", (input, name) => {
    expect(refusal(() => several(["a"]).batch(input)).name).toBe(name);
  });
});

describe("GetRandomPassword", () => {
  const { random } = startService();
  const types = {
    ExcludeLowercase: "abcdefghijklmnopqrstuvwxyz",
    ExcludeUppercase: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    ExcludeNumbers: "0123456789",
    ExcludePunctuation: PUNCTUATION,
  };

  test("keeps every rule it is given", () => {
    const request = fc.record(
      {
        PasswordLength: fc.integer({ min: 5, max: 200 }),
        ExcludeCharacters: fc.string({ unit: fc.constantFrom(..."abcXYZ019!/ \\"), maxLength: 12 }),
        ExcludeLowercase: fc.boolean(),
        ExcludeUppercase: fc.boolean(),
        ExcludeNumbers: fc.boolean(),
        ExcludePunctuation: fc.boolean(),
        IncludeSpace: fc.boolean(),
        RequireEachIncludedType: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(request, (input) => {
        const isExcluded = (name: string) => Boolean(input[name as keyof typeof types]);
        const included = Object.entries(types).flatMap(([name, characters]) => (isExcluded(name) ? [] : [characters]));
        if (input.IncludeSpace) included.push(" ");
        const excluded = input.ExcludeCharacters ?? "";
        const left = included
          .map((type) => [...type].filter((character) => !excluded.includes(character)))
          .filter((type) => type.length > 0);
        fc.pre(left.length > 0);

        const password: string = random(input).RandomPassword;
        expect(password).toHaveLength(input.PasswordLength ?? 32);
        const allowed = new Set(left.flat());
        expect([...password].filter((character) => !allowed.has(character))).toEqual([]);
        if (input.RequireEachIncludedType !== false) {
          for (const type of left) expect(type.some((character) => password.includes(character))).toBe(true);
        }
      }),
    );
  });

  test("does not give the same password twice", () => {
    const passwords = Array.from({ length: 1000 }, () => random({}).RandomPassword);
    expect(new Set(passwords).size).toBe(1000);
  });

  test.each([
    [{ PasswordLength: 3 }, "InvalidParameterException"],
    [{ PasswordLength: 4, IncludeSpace: true }, "InvalidParameterException"],
    [{ PasswordLength: 0 }, "ValidationException"],
    [{ PasswordLength: 4097 }, "ValidationException"],
    [
      { ExcludeLowercase: true, ExcludeUppercase: true, ExcludeNumbers: true, ExcludePunctuation: true },
      "InvalidParameterException",
    ],
  ])("%j is refused", (input, name) => {
    expect(refusal(() => random(input)).name).toBe(name);
  });

  test("a password shorter than its types is given when they need not all be there", () => {
    expect(random({ PasswordLength: 1, RequireEachIncludedType: false }).RandomPassword).toHaveLength(1);
  });
});
