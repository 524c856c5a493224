import { expect, test } from "vitest";
import { tlsMode } from "../../core/strategies/credential-fields.ts";
import {
  addressOf,
  administratorOf,
  postgresAlternatingCredential,
  postgresCredential,
  sameDatabase,
} from "../../core/strategies/postgres-credential.ts";

const valid = { engine: "postgres", host: "db.example", username: "app", password: "hunter2-secret" } as const;
const alternating = { ...valid, masterarn: "arn:master" };

test("AWS's documented JSON is valid as it is, and parsing changes nothing", () => {
  const documented = {
    engine: "aurora-postgresql",
    host: "instance.cluster.eu-central-1.rds.amazonaws.com",
    username: "app",
    password: "hunter2-secret",
    dbname: "orders",
    port: "5432",
    masterarn: "arn:master",
    dbInstanceIdentifier: "orders",
    dbClusterIdentifier: "orders-cluster",
    ssl: "TRUE",
  };

  expect(postgresCredential.parse(documented)).toEqual(documented);
  expect(postgresAlternatingCredential.parse(documented)).toEqual(documented);
});

test.each([
  ["engine", { engine: "mysql" }],
  ["engine", { engine: undefined }],
  ["host", { host: ["db"] }],
  ["host", { host: "" }],
  ["host", { host: "/var/run/postgresql" }],
  ["host", { host: "db example" }],
  ["host", { host: "x".repeat(256) }],
  ["port", { port: "5432x" }],
  ["port", { port: 0 }],
  ["port", { port: 65_536 }],
  ["port", { port: 5432.5 }],
  ["dbname", { dbname: "" }],
  ["username", { username: undefined }],
  ["username", { username: "a\0b" }],
  ["username", { username: "x".repeat(64) }],
  ["username", { username: "a\ud83d" }],
  ["password", { password: undefined }],
  ["password", { password: "" }],
  ["password", { password: "hunter2-\0secret" }],
  ["password", { password: ["hunter2-secret"] }],
  ["ssl", { ssl: "yes" }],
  ["ssl", { ssl: 1 }],
  ["masterarn", { masterarn: "" }],
  ["masterarn", { masterarn: undefined }],
])("a bad %s is named, and no value is: %j", (field, change) => {
  const result = postgresAlternatingCredential.safeParse({ ...alternating, ...change });

  expect(result.success).toBe(false);
  expect(result.error?.issues.map((issue) => issue.path.join("."))).toEqual([field]);
  expect(result.error?.issues[0]?.message).toContain(field);
  expect(String(result.error?.message)).not.toContain("hunter2");
});

test.each([["a text"], [null], [[]], [42]])("%j is not an object, and not a credential", (value) => {
  expect(postgresCredential.safeParse(value).success).toBe(false);
});

test("port and database have PostgreSQL's defaults, a port may be a text", () => {
  expect(addressOf(valid)).toEqual({ host: "db.example", port: 5432, database: "postgres" });
  expect(addressOf({ ...valid, port: "6432", dbname: "orders" })).toMatchObject({ port: 6432, database: "orders" });
});

test("two credentials are for the same database when a DNS server would say so", () => {
  expect(sameDatabase(valid, { ...valid, host: "DB.Example", port: "5432", dbname: "postgres" })).toBe(true);
  expect(sameDatabase(valid, { ...valid, host: "db.example.org" })).toBe(false);
  expect(sameDatabase(valid, { ...valid, port: 5433 })).toBe(false);
  expect(sameDatabase(valid, { ...valid, dbname: "Postgres" })).toBe(false);
});

test.each([
  [undefined, "prefer"],
  [true, "require"],
  ["True", "require"],
  [false, "disable"],
  ["false", "disable"],
] as const)("ssl %j means %s", (ssl, mode) => {
  expect(tlsMode({ ...valid, ssl })).toBe(mode);
});

test("an administrator's secret of username and password alone is completed from the user's", () => {
  const user = { ...alternating, port: 6432, dbname: "orders", ssl: true };

  expect(administratorOf(user, { username: "admin", password: "hunter2-admin" })).toEqual({
    engine: "postgres",
    host: "db.example",
    port: 6432,
    dbname: "orders",
    username: "admin",
    password: "hunter2-admin",
    ssl: true,
  });
});

test.each([
  ["host", { username: "admin", password: "hunter2-admin", host: "other.example" }],
  ["password", { username: "admin" }],
  ["username", { password: "hunter2-admin" }],
  ["port", { username: "admin", password: "hunter2-admin", port: "x" }],
  ["object", "hunter2-admin"],
])("an administrator's secret with a bad %s is ConfigurationInvalid, which says so and no value", (what, secret) => {
  const refusal = { name: "ConfigurationInvalid", message: expect.stringContaining(what) };

  expect(() => administratorOf(alternating, secret)).toThrow(expect.objectContaining(refusal));
  expect(() => administratorOf(alternating, secret)).not.toThrow(/hunter2/);
});
