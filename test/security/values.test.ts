import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCredential } from "../../core/credentials.ts";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresSingleUser } from "../../core/strategies/index.ts";
import type { RotationStrategy } from "../../core/strategies/strategy.ts";
import { expectEnd, notificationsOf } from "../support/invariants.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { counted, TEXTS, VICTIM } from "./payloads.ts";

const single = postgresSingleUser as RotationStrategy;
const good = { engine: "postgres", host: "db.example", username: "app", password: "first-password", port: 5432 };

/** Built as a text: a literal would set a prototype. */
const withKey = (key: string, value: string, more: object = good) =>
  JSON.stringify(more).replace(/^\{/, `{${JSON.stringify(key)}:${value},`);
const nested = (levels: number, open = "[", close = "]") => open.repeat(levels) + close.repeat(levels);

describe("what is in a secret's JSON and is not for the strategy", () => {
  test.each([
    ["constructor", '{"prototype":{"polluted":"yes"}}'],
    ["prototype", '{"polluted":"yes"}'],
    ["toString", '"x"'],
    ["hasOwnProperty", "null"],
    ["nested", '{"__proto__":{"polluted":"yes"},"list":[{"__proto__":1}]}'],
    ["surrogate", '"\\ud83d"'],
    ["levels", nested(99)],
  ])("%s: is in the next version as it was, and reaches no prototype", (key, value) => {
    const base = parseCredential(single, withKey(key, value), "The secret");
    const next = JSON.stringify(single.createSecret(base, passwordGenerator(passwordRules.parse({}))));

    expect(next).toContain(`${JSON.stringify(key)}:${value}`);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test.each([
    ['"__proto__"', withKey("__proto__", '{"polluted":"yes"}')],
    ['"__proto__"', withKey("__proto__", '"x"')],
    // The key is the same, however it is written.
    ['"__proto__"', withKey("__proto__", "{}").replace("__proto__", "\\u005f_proto__")],
    ["more than 100 levels", withKey("a", nested(100))],
    ["more than 100 levels", `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`],
    ["more than 100 levels", nested(30_000)],
    ["more than 100 levels", withKey("a", nested(100_000))],
  ])("%s: is refused by this name, and not repeated (%#)", (says, text) => {
    const parsing = () => parseCredential(single, text, "The secret");

    expect(parsing).toThrow(expect.objectContaining({ name: "ConfigurationInvalid" }));
    expect(parsing).toThrow(says);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("through the front door", () => {
  const CANARY = "canary-7c1e";
  /** A value, and the words by which it is refused. */
  const cases: readonly (readonly [what: string, value: string, says: RegExp])[] = [
    ["a __proto__", withKey("__proto__", `{"username":"${CANARY}"}`), /key "__proto__"/],
    ["5,000 levels", withKey("a", nested(5000)), /more than 100 levels/],
    ["30,000 levels", withKey("a", nested(30_000)), /more than 100 levels/],
    ["a name of 60 KB", JSON.stringify({ ...good, username: CANARY.repeat(5000) }), /username/],
    ["a host of 60 KB", JSON.stringify({ ...good, host: CANARY.repeat(5000) }), /host/],
    ["a port of 60 KB", JSON.stringify({ ...good, port: CANARY.repeat(5000) }), /port/],
    ...["NUL", "half an emoji"].map((what) => {
      return [`${what} in the name`, JSON.stringify({ ...good, username: TEXTS[what] }), /username/] as const;
    }),
  ];
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    await world.database.query(`DO $$BEGIN CREATE ROLE ${VICTIM}; EXCEPTION WHEN duplicate_object THEN END$$`);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    counted("values through the front door", { values: cases.length + 5 });
  });

  async function put(secret: Situation, SecretString: string): Promise<string> {
    const { VersionId } = await world.client.send(new PutSecretValueCommand({ SecretId: secret.arn, SecretString }));
    return VersionId ?? "";
  }

  test.each(cases)(
    "%s is rejected by its field: nothing is sent, no label stays, nothing is repeated",
    async (what, value, says) => {
      const secret = await situation(world, { mode: "driven" });
      const bad = await put(secret, value);

      const token = await rotateOnce(world, secret);

      const run = await world.run(secret, token);
      const [told] = notificationsOf(world, run);
      const labels = { [secret.firstVersion]: ["AWSPREVIOUS"], [secret.older]: ["BLUE"], [bad]: ["AWSCURRENT"] };
      expect([run.execution.error, await world.labels(secret)]).toEqual(["RotationRejected", labels]);
      expect(told?.failure).toMatchObject({ step: "CreateSecret", name: "ConfigurationInvalid" });
      expect([what, told?.failure?.message]).toEqual([what, expect.stringMatching(says)]);
      expect(JSON.stringify(told)).not.toContain(CANARY);
      expect(secret.proxy.connections()).toBe(0);
      expect(world.account.lambda.logs().filter(({ text }) => text.includes("RangeError"))).toEqual([]);
    },
  );

  test.each([
    "a statement behind a quote",
    "a statement behind double quotes",
    "line breaks",
    "commands of Redis",
    "a prototype",
  ])("of a user whose name is %s the password is rotated, and of nobody else", async (what) => {
    const secret = await situation(world, { mode: "driven", username: TEXTS[what] ?? "" });
    const before = await victim();

    const token = await rotateOnce(world, secret);

    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect([before.length, await victim()]).toEqual([1, before]);
  });

  test("a value that only the new password makes longer than 64 KB is refused in words, and nothing is put", async () => {
    const secret = await situation(world, { mode: "driven" });
    const { host, port } = secret.proxy;
    const { username } = secret;
    const login = {
      ...good,
      host,
      port,
      ssl: false,
      username,
      password: await world.password(secret, secret.firstVersion),
    };
    const short = { ...login, password: "x", more: "" };
    const more = "x".repeat(65_536 - Buffer.byteLength(JSON.stringify(short)));
    const bad = await put(secret, JSON.stringify({ ...short, more }));

    const token = await rotateOnce(world, secret);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      failedIn: "CreateSecret",
      labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [secret.older]: ["BLUE"], [bad]: ["AWSCURRENT"] },
      opens: [secret.firstVersion],
    });
    expect(told?.failure).toMatchObject({
      name: "ConfigurationInvalid",
      message: expect.stringContaining("65536 at most"),
    });
  });

  function victim() {
    return world.database.query("SELECT * FROM pg_authid WHERE rolname = $1", [VICTIM]);
  }
});
