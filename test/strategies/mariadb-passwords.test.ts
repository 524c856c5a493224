import { execFile } from "node:child_process";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ed25519PasswordKey } from "../../core/strategies/ed25519-password.ts";
import {
  authenticationBy,
  hasPassword,
  isPasswordOf,
  lockedBy,
  takesPassword,
} from "../../core/strategies/mariadb-passwords.ts";
import { sha256Crypt } from "../../core/strategies/sha-256-crypt.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";

const run = promisify(execFile);

const PLUGINS = ["mysql_native_password", "ed25519", "caching_sha2_password"];
const HARD = ["a", 'it\'s "quoted" \\ back', "ünïcødé 🐘", "x".repeat(1000)];

describe.skipIf(mariadbIsMissing)(named("what the server stores for a password is what is computed here"), () => {
  const mariadb = useMariadb({ options: ["--plugin-load-add=auth_ed25519"] });

  test.each(HARD)("%j", async (password) => {
    const username = uniqueName("stored");
    const text = password.replaceAll("\\", "\\\\").replaceAll("'", "''");
    for (const plugin of ["mysql_native_password", "ed25519"]) {
      await mariadb.query(`CREATE OR REPLACE USER ${username} IDENTIFIED VIA ${plugin} USING PASSWORD('${text}')`);

      expect(await mariadb.show(username)).toContain(`'${authenticationBy(plugin, password).stored}'`);
    }
  });
});

test("an Ed25519 key of a password is the standard's where the password is as long as the standard's seed", async () => {
  await fc.assert(
    fc.property(fc.string({ unit: "binary-ascii", minLength: 32, maxLength: 32 }), (seed) => {
      const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(seed)]);
      const key = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));

      const standard = Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url").toString("base64");

      expect(`${ed25519PasswordKey(seed)}=`).toBe(standard);
    }),
    { numRuns: 25 },
  );
});

test("SHA-256-crypt is that of a known MySQL password", () => {
  // Hashcat's example for mode 7401; its salt is no text.
  const salt = Buffer.from("F9CC98CE08892924F50A213B6BC571A2C11778C5", "hex");

  expect(sha256Crypt("hashcat", salt, 5000)).toBe("bTy95Y99eAME1dwEkHOA1ndHGBWz.1bxSSRkuTXFGV/");
});

test("SHA-256-crypt is that of its specification", () => {
  expect(sha256Crypt("Hello world!", Buffer.from("saltstring"), 5000)).toBe(
    "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
  );
});

const openssl = await run("openssl", ["version"]).then(
  () => true,
  () => false,
);

test.skipIf(!openssl && process.env.REQUIRE_ENGINES !== "1")(
  "SHA-256-crypt is OpenSSL's (needs the openssl command)",
  async () => {
    for (const password of ["a", "Hello world!", "ünïcødé 🐘", "x".repeat(100)]) {
      const { stdout } = await run("openssl", ["passwd", "-5", "-salt", "saltstring", password]);

      expect(stdout.trim()).toBe(`$5$saltstring$${sha256Crypt(password, Buffer.from("saltstring"), 5000)}`);
    }
  },
);

test.each(PLUGINS)("%s: a password is recognised by what is stored for it, another is not", (plugin) => {
  for (const password of HARD) {
    const authentication = authenticationBy(plugin, password);

    expect(isPasswordOf(authentication, password)).toBe(true);
    expect(isPasswordOf(authentication, `${password}x`)).toBe(false);
    expect(authentication.stored).not.toContain(password.length > 1 ? password : "\0");
  }
});

test("caching_sha2_password is salted anew each time, and as MySQL 8.0 has it", () => {
  const [one, other] = [1, 2].map(() => authenticationBy("caching_sha2_password", "password").stored);

  expect(one).not.toBe(other);
  expect(one).toMatch(/^\$A\$005\$[./0-9A-Za-z]{63}$/);
});

test("MySQL 9 with more rounds is recognised", () => {
  const salt = "abcdefghijklmnopqrst";
  const stored = `$A$00A$${salt}${sha256Crypt("password", Buffer.from(salt), 10_000)}`;

  expect(isPasswordOf({ plugin: "caching_sha2_password", stored }, "password")).toBe(true);
});

test.each(PLUGINS)(
  "%s: what no password belongs to has the form of a password, and is the same for the same label",
  (plugin) => {
    const locked = lockedBy(plugin, "label");

    expect(locked).toEqual(lockedBy(plugin, "label"));
    expect(locked).not.toEqual(lockedBy(plugin, "another"));
    expect(locked.stored).toHaveLength(authenticationBy(plugin, "password").stored.length);
    expect(hasPassword(locked)).toBe(true);
  },
);

test("of an authentication that is none, or is not there, no password is known", () => {
  const authentications = [
    { plugin: "mysql_native_password", stored: "" },
    { plugin: "mysql_native_password", stored: "invalid" },
    { plugin: "unix_socket", stored: "" },
    { plugin: "pam", stored: "mariadb" },
    { plugin: "constructor", stored: "x" },
  ];

  expect(authentications.map(hasPassword)).toEqual([false, false, false, false, false]);
  expect(authentications.map(takesPassword)).toEqual([true, true, false, false, false]);
  expect(authentications.map((each) => isPasswordOf(each, ""))).toEqual([false, false, false, false, false]);
});

test.each(["unix_socket", "pam", "parsec", "constructor"])("the plugin %s is refused by its name", (plugin) => {
  const refusal = { name: "ConfigurationInvalid", message: expect.stringContaining(plugin) };

  expect(() => authenticationBy(plugin, "hunter2")).toThrow(expect.objectContaining(refusal));
});
