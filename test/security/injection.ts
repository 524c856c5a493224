import { afterAll, describe, expect, test } from "vitest";
import type { Schema } from "../../core/parse.ts";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import type { RotationStrategy } from "../../core/strategies/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { type Arena, type End, type Run, rotateEach, type Value } from "./arena.ts";
import { counted, PAYLOADS, TEXTS } from "./payloads.ts";
import { keysOf } from "./schema-fields.ts";

/** The strategies that are tried at each target. */
export const TRIED = {
  PostgreSQL: ["postgres-single-user", "postgres-alternating-users"],
  MariaDB: ["mariadb-single-user", "mariadb-alternating-users", "mariadb-dual"],
  Redis: ["redis-dual"],
} as const;

interface Case {
  readonly name: string;
  readonly strategy: Pick<RotationStrategy, "name" | "credential">;
  readonly arena: () => Arena;
  /** A field that nobody reads here. */
  readonly idle?: string;
  /** Schema of the administrator's secret, where one is used. */
  readonly administrator?: Schema;
}

/** Every field of a secret and of its administrator's, and what of a policy reaches the target, with every payload. */
export function testInjection(part: keyof typeof TRIED, cases: readonly Case[]): void {
  const ends: Record<End, number> = { "refused at once": 0, refused: 0, works: 0 };
  let fields = 0;
  const count = async (running: Promise<readonly End[]>) => {
    const all = await running;
    for (const end of all) ends[end] += 1;
    return all;
  };
  afterAll(() => {
    const runs = Object.values(ends).reduce((sum, each) => sum + each, 0);
    counted(`injection into ${part}`, { fields, payloads: PAYLOADS.length, runs, ...ends });
  });

  test(`every strategy that is said to be tried at ${part} is`, () => {
    expect(new Set(cases.map(({ strategy }) => strategy.name))).toEqual(new Set(TRIED[part]));
  });

  for (const { name, strategy, administrator, idle, arena: open } of cases) {
    describe(`whatever is in the field, with ${name},`, () => {
      test.each(keysOf(strategy.credential))("%s: nothing is changed by it", async (field) => {
        const arena = open();
        fields += 1;
        const isIdle = field === idle;
        await using users = await newUsers(arena, isIdle ? PAYLOADS.length : 1);

        const all = await count(
          rotateEach(
            arena,
            PAYLOADS.map(([, payload], index) => ({
              value: { ...(users.values[index] ?? users.values[0]), [field]: payload } as Value,
              field,
            })),
          ),
        );

        expect(all.includes("works")).toBe(isIdle);
      });

      test("username, of a user who is there: it is that user's password that is changed", async () => {
        const arena = open();
        await using users = await usersWith(
          arena,
          Object.values(TEXTS).map((username) => ({ username, password: FIRST_PASSWORD })),
        );
        const all = await count(
          rotateEach(
            arena,
            users.values.map((value) => ({ value, field: "username" })),
          ),
        );

        expect(all.filter((end) => end === "works").length).toBeGreaterThan(10);
        expect(all).not.toContain("refused");
      });

      test("password, of a user who has it, or of any kind that a policy's rules make: the next one signs in", async () => {
        const arena = open();
        const passwords = Object.values(TEXTS).map((password) => ({ username: uniqueName("app"), password }));
        await using users = await usersWith(arena, passwords);
        await using more = await newUsers(arena, RULES.length);

        const all = await count(
          rotateEach(arena, [
            ...users.values.map((value) => ({ value, field: "password" })),
            ...more.values.map((value, index) => ({
              value,
              generate: passwordGenerator(passwordRules.parse(RULES[index])),
            })),
          ]),
        );

        expect(all).not.toContain("refused");
        const [changed, made] = [all.slice(0, users.values.length), all.slice(users.values.length)];
        expect(changed.filter((end) => end === "works").length).toBeGreaterThan(10);
        expect(made).toEqual(RULES.map(() => "works"));
      });

      if (administrator === undefined) return;

      test.each(keysOf(administrator))("%s of the administrator's secret: nothing is changed by it", async (field) => {
        const arena = open();
        fields += 1;
        await using users = await newUsers(arena, 1);
        const genuine = await arena.administrator();

        const all = await count(
          rotateEach(
            arena,
            PAYLOADS.map(([, payload]) => ({
              value: users.values[0] as Value,
              readSecret: async () => ({ ...genuine, [field]: payload }),
            })),
          ),
        );

        expect(new Set(all)).toEqual(new Set(["refused"]));
      });

      test("administratorSecretId of the policy: it is compared, names a secret to read, and no more", async () => {
        const arena = open();
        fields += 1;
        const texts = Object.values(TEXTS).filter((text) => text !== "");
        await using users = await newUsers(arena, texts.length);
        const read: string[] = [];
        const runs = (all: readonly string[], masterarn?: readonly string[]) =>
          all.map((administratorSecretId, index): Run => {
            const value = users.values[index] as Value;
            return {
              value: masterarn === undefined ? value : { ...value, masterarn: masterarn[index] },
              policy: { ...arena.policy, administratorSecretId },
              readSecret: async (secretId) => {
                read.push(secretId);
                return arena.administrator();
              },
            };
          });

        expect(new Set(await count(rotateEach(arena, runs(texts))))).toEqual(new Set(["refused"]));
        expect(read).toEqual([]);
        // These take long, and differ in nothing but in what is read.
        const some = texts.filter((_, index) => index % 5 === 0);
        expect(new Set(await count(rotateEach(arena, runs(some, some))))).toEqual(new Set(["works"]));
        expect(new Set(read)).toEqual(new Set(some));
      });
    });
  }
}

const FIRST_PASSWORD = "first-password-of-all";

/** Each character that a policy's rules can ask for or leave. */
const RULES = [
  { length: 128 },
  { length: 64, excludeLowercase: true, excludeUppercase: true, excludeNumbers: true, excludePunctuation: false },
  { length: 17, excludePunctuation: false, excludeCharacters: "!#$%&()*+,-.<=>?[]^_{|}~" },
];

interface Users extends AsyncDisposable {
  readonly values: readonly Value[];
}

interface Login {
  readonly username: string;
  readonly password: string;
}

/** Ordinary ones, all of which the target holds. */
async function newUsers(arena: Arena, count: number): Promise<Users> {
  const values: Value[] = [];
  while (values.length < count) {
    values.push(await arena.user({ username: uniqueName("app"), password: FIRST_PASSWORD }));
  }
  return usersOf(arena, values);
}

/** Those of them that the target can hold: what it refuses no secret can be about. More than ten have to be left. */
async function usersWith(arena: Arena, logins: readonly Login[]): Promise<Users> {
  const made = [];
  for (const login of logins) made.push(await arena.user(login).catch(() => undefined));
  const values = made.filter((value) => value !== undefined);
  expect(values.length).toBeGreaterThan(10);
  return usersOf(arena, values);
}

function usersOf(arena: Arena, values: readonly Value[]): Users {
  return {
    values,
    [Symbol.asyncDispose]: async () => {
      for (const { username } of values) await arena.drop(username);
    },
  };
}
