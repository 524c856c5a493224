import { createHash, randomBytes } from "node:crypto";
import { RotationError } from "../errors.ts";
import { ed25519PasswordKey } from "./ed25519-password.ts";
import { sha256Crypt } from "./sha-256-crypt.ts";

/** One way to sign in to an account, as the server keeps it: a plugin, and what that needs to know; "" where it needs nothing. */
export interface Authentication {
  readonly plugin: string;
  readonly stored: string;
}

interface Plugin {
  /** What stands for a password. It replaces the password in statements, and does not open the door. */
  store(password: string): string;
  matches(stored: string, password: string): boolean;
  /** What no password belongs to, different for each label. */
  lock(label: string): string;
}

/** The plugins whose passwords can be changed, because what they store can be computed without the server. */
const PLUGINS: Readonly<Record<string, Plugin>> = {
  mysql_native_password: {
    store: (password) =>
      `*${sha1(sha1(Buffer.from(password, "utf8")))
        .toString("hex")
        .toUpperCase()}`,
    matches: (stored, password) => stored.toUpperCase() === PLUGINS["mysql_native_password"]?.store(password),
    lock: (label) => `*${sha512(label).toString("hex").slice(0, 40).toUpperCase()}`,
  },
  ed25519: {
    store: ed25519PasswordKey,
    matches: (stored, password) => stored === ed25519PasswordKey(password),
    lock: (label) => sha512(label).subarray(0, 32).toString("base64").replace(/=$/, ""),
  },
  /** MySQL's. "$A$", thousands of rounds as three hexadecimal digits, "$", 20 bytes of salt, digest. */
  caching_sha2_password: {
    store: (password) => {
      const salt = crypt64(randomBytes(20));
      return `$A$005$${salt}${sha256Crypt(password, Buffer.from(salt, "latin1"), 5000)}`;
    },
    matches: (stored, password) => {
      const [, thousands, salt, digest] = /^\$A\$([0-9A-F]{3})\$(.{20})(.{43})$/s.exec(stored) ?? [];
      return (
        thousands !== undefined &&
        salt !== undefined &&
        digest === sha256Crypt(password, Buffer.from(salt, "latin1"), Number.parseInt(thousands, 16) * 1000)
      );
    },
    lock: (label) => `$A$005$${crypt64(sha512(label).subarray(0, 63))}`,
  },
};

/**
 * What the plugin stores for a password. Random where the plugin salts.
 * @throws RotationError ConfigurationInvalid when the plugin is none of those that can be computed
 */
export function authenticationBy(plugin: string, password: string): Authentication {
  return { plugin, stored: pluginOf(plugin).store(password) };
}

/** An authentication that no password belongs to. The same label, the same authentication. */
export function lockedBy(plugin: string, label: string): Authentication {
  return { plugin, stored: pluginOf(plugin).lock(label) };
}

/** Whether this is a way to sign in with a password that can be changed, whether or not there is one now. */
export function takesPassword({ plugin }: Authentication): boolean {
  return Object.hasOwn(PLUGINS, plugin);
}

/** Whether there is one: "invalid" is what MariaDB itself writes for none. */
export function hasPassword(authentication: Authentication): boolean {
  return takesPassword(authentication) && authentication.stored !== "" && authentication.stored !== "invalid";
}

/** Whether this password opens the door this way. No sign-in; the server's own answer is `signIn`. */
export function isPasswordOf(authentication: Authentication, password: string): boolean {
  return hasPassword(authentication) && pluginOf(authentication.plugin).matches(authentication.stored, password);
}

/** Whether both are the same, letter by letter. */
export function isSame(one: Authentication, other: Authentication): boolean {
  return one.plugin === other.plugin && one.stored === other.stored;
}

function pluginOf(name: string): Plugin {
  const plugin = Object.hasOwn(PLUGINS, name) ? PLUGINS[name] : undefined;
  if (plugin === undefined) {
    throw new RotationError(
      "ConfigurationInvalid",
      `The authentication plugin ${JSON.stringify(name)} is not one of ${Object.keys(PLUGINS).join(", ")}: its passwords cannot be changed.`,
    );
  }
  return plugin;
}

/** Bytes as letters that crypt uses: six bits of each. */
function crypt64(bytes: Buffer): string {
  const letters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return Array.from(bytes, (byte) => letters.charAt(byte & 63)).join("");
}

function sha1(bytes: Buffer): Buffer {
  return createHash("sha1").update(bytes).digest();
}

function sha512(text: string): Buffer {
  return createHash("sha512").update(text).digest();
}
