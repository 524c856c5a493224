import { expect, test } from "vitest";
import { tlsMode } from "../../core/strategies/credential-fields.ts";
import {
  addressOf,
  administratorOf,
  mariadbAlternatingCredential,
  mariadbCredential,
  mariadbDualCredential,
  sameDatabase,
  sameLogin,
} from "../../core/strategies/mariadb-credential.ts";

const valid = { engine: "mariadb", host: "db.example", username: "app", password: "hunter2-secret" } as const;
const alternating = { ...valid, masterarn: "arn:master" };

test.each(["mariadb", "mysql", "aurora-mysql"])(
  "AWS's documented JSON is valid as it is, and parsing changes nothing: %s",
  (engine) => {
    const documented = {
      engine,
      host: "instance.eu-central-1.rds.amazonaws.com",
      username: "app",
      password: "hunter2-secret",
      dbname: "orders",
      port: "3306",
      masterarn: "arn:master",
      dbInstanceIdentifier: "orders",
      ssl: "TRUE",
    };

    expect(mariadbCredential.parse(documented)).toEqual(documented);
    expect(mariadbAlternatingCredential.parse(documented)).toEqual(documented);
    expect(mariadbDualCredential.safeParse(documented).success).toBe(engine === "mariadb");
  },
);

test.each([
  ["engine", { engine: "postgres" }],
  ["engine", { engine: undefined }],
  ["host", { host: ["db"] }],
  ["host", { host: "" }],
  ["host", { host: "/var/run/mysqld/mysqld.sock" }],
  ["port", { port: "3306x" }],
  ["port", { port: 0 }],
  ["port", { port: 65_536 }],
  ["dbname", { dbname: "" }],
  ["dbname", { dbname: "x".repeat(65) }],
  ["username", { username: undefined }],
  ["username", { username: "" }],
  ["username", { username: "a\0b" }],
  ["username", { username: "a " }],
  ["username", { username: "x".repeat(129) }],
  ["password", { password: undefined }],
  ["password", { password: "" }],
  ["password", { password: "hunter2-\0secret" }],
  ["password", { password: ["hunter2-secret"] }],
  ["ssl", { ssl: "yes" }],
  ["masterarn", { masterarn: "" }],
  ["masterarn", { masterarn: undefined }],
])("a bad %s is named, and no value is: %j", (field, change) => {
  const result = mariadbAlternatingCredential.safeParse({ ...alternating, ...change });

  expect(result.success).toBe(false);
  expect(result.error?.issues.map((issue) => issue.path.join("."))).toEqual([field]);
  expect(result.error?.issues[0]?.message).toContain(field);
  expect(String(result.error?.message)).not.toContain("hunter2");
});

test.each([["a text"], [null], [[]], [42]])("%j is not an object, and not a credential", (value) => {
  expect(mariadbCredential.safeParse(value).success).toBe(false);
});

test("the port has MariaDB's default, and may be a text", () => {
  expect(addressOf(valid)).toEqual({ host: "db.example", port: 3306 });
  expect(addressOf({ ...valid, port: "3307" })).toEqual({ host: "db.example", port: 3307 });
});

test("two credentials are for the same database when a DNS server would say so", () => {
  expect(sameDatabase(valid, { ...valid, host: "DB.Example", port: "3306" })).toBe(true);
  expect(sameDatabase(valid, { ...valid, host: "db.example.org" })).toBe(false);
  expect(sameDatabase(valid, { ...valid, port: 3307 })).toBe(false);
  expect(sameDatabase(valid, { ...valid, dbname: "orders" })).toBe(false);
});

test("two credentials are for the same login when the user is the same, letter by letter", () => {
  expect(sameLogin(valid, { ...valid, password: "another" })).toBe(true);
  expect(sameLogin(valid, { ...valid, username: "App" })).toBe(false);
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

test("an administrator's secret of username and password alone is completed from the user's, but for the database", () => {
  const user = { ...alternating, port: 3307, dbname: "orders", ssl: true };

  expect(administratorOf(user, { username: "admin", password: "hunter2-admin" })).toEqual({
    engine: "mariadb",
    host: "db.example",
    port: 3307,
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
