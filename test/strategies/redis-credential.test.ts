import { expect, test } from "vitest";
import {
  addressOf,
  administratorOf,
  redisCredential,
  sameUser,
  usesTls,
} from "../../core/strategies/redis-credential.ts";

const valid = { host: "cache.example", username: "app", password: "hunter2-secret" } as const;
const administered = { ...valid, masterarn: "arn:master" };

test("all documented keys and any others are valid as they are, and parsing changes nothing", () => {
  const documented = {
    ...administered,
    engine: "valkey",
    port: "6380",
    ssl: "TRUE",
    user_arn: "arn:aws:elasticache:eu-central-1:111122223333:user:app",
    db: 3,
  };

  expect(redisCredential.parse(documented)).toEqual(documented);
  expect(redisCredential.parse(valid)).toEqual(valid);
});

test.each([
  ["engine", { engine: "memcached" }],
  ["host", { host: undefined }],
  ["host", { host: ["cache"] }],
  ["host", { host: "/var/run/redis.sock" }],
  ["host", { host: "cache example" }],
  ["port", { port: "6379x" }],
  ["port", { port: 0 }],
  ["port", { port: 65_536 }],
  ["username", { username: "a\ud83d" }],
  ["username", { username: undefined }],
  ["username", { username: "" }],
  ["username", { username: "a b" }],
  ["username", { username: "a\0b" }],
  ["username", { username: "a\nb" }],
  ["username", { username: "é".repeat(8193) }],
  ["username", { username: "default" }],
  ["password", { password: undefined }],
  ["password", { password: "" }],
  ["password", { password: `hunter2-${"é".repeat(8192)}` }],
  ["password", { password: ["hunter2-secret"] }],
  ["ssl", { ssl: "yes" }],
  ["ssl", { ssl: 1 }],
  ["masterarn", { masterarn: "" }],
])("a bad %s is named, and no value is: %j", (field, change) => {
  const result = redisCredential.safeParse({ ...valid, ...change });

  expect(result.success).toBe(false);
  expect(result.error?.issues.map((issue) => issue.path.join("."))).toContain(field);
  expect(result.error?.issues[0]?.message).toContain(field);
  expect(String(result.error?.message)).not.toContain("hunter2");
});

test("the user default is refused, with what to do instead", () => {
  const result = redisCredential.safeParse({ ...valid, username: "default" });

  expect(result.error?.issues[0]?.message).toContain("give the service a user of its own");
});

test.each([["a text"], [null], [[]], [42]])("%j is not an object, and not a credential", (value) => {
  expect(redisCredential.safeParse(value).success).toBe(false);
});

test("the port has Redis's default, and may be a text", () => {
  expect(addressOf(valid)).toEqual({ host: "cache.example", port: 6379 });
  expect(addressOf({ ...valid, port: "6380" }).port).toBe(6380);
});

test.each([
  [undefined, true],
  [true, true],
  ["True", true],
  [false, false],
  ["FALSE", false],
] as const)("ssl %j: TLS %j. Nothing but false gives it up", (ssl, tls) => {
  expect(usesTls({ ...valid, ssl })).toBe(tls);
});

test("two credentials are for the same user when server, name, administrator and TLS are the same", () => {
  expect(sameUser(administered, { ...administered, host: "CACHE.Example", port: "6379", ssl: "true" })).toBe(true);
  expect(sameUser(administered, { ...administered, password: "another" })).toBe(true);
  for (const change of [
    { host: "other" },
    { port: 6380 },
    { username: "App" },
    { masterarn: "other" },
    { ssl: false },
  ]) {
    expect(sameUser(administered, { ...administered, ...change })).toBe(false);
  }
});

test("an administrator's secret takes the port from the user's, and says itself where its password goes and whether in clear", () => {
  const user = { ...administered, port: 6380, ssl: false };
  const secret = { host: "cache.example", username: "default", password: "hunter2-admin" };

  expect(administratorOf(user, secret)).toEqual({ ...secret, port: 6380, ssl: undefined });
  expect(usesTls(administratorOf(user, secret))).toBe(true);
  expect(() => administratorOf(user, { ...secret, host: undefined })).toThrow("host must be a text");
});

test.each([
  ["other.example:6379", { username: "admin", password: "hunter2-admin", host: "other.example" }],
  ["cache.example:6380", { username: "admin", password: "hunter2-admin", host: "cache.example", port: 6380 }],
  ["password", { username: "admin" }],
  ["username", { password: "hunter2-admin" }],
  ["port", { username: "admin", password: "hunter2-admin", port: "x" }],
  ["object", "hunter2-admin"],
])("an administrator's secret with a bad %s is ConfigurationInvalid, which says so and no value", (what, secret) => {
  const refusal = { name: "ConfigurationInvalid", message: expect.stringContaining(what) };

  expect(() => administratorOf(administered, secret)).toThrow(expect.objectContaining(refusal));
  expect(() => administratorOf(administered, secret)).not.toThrow(/hunter2/);
});
