import { createHash } from "node:crypto";

/** Members of a secret's JSON that anybody may see. All others are secret: those that a test invents, too. */
const PUBLIC = new Set([
  ...["engine", "host", "port", "dbname", "ssl", "username", "masterarn"],
  ...["format", "alphabet", "length", "kid", "publicKey", "modulusLength"],
  ...["usageDelaySeconds", "overlapSeconds", "notBefore", "acceptPreviousUntil"],
]);

/** What is secret in a stored value. One that is no JSON object is secret as a whole, also one that happens to be JSON, such as digits. */
export function secretsIn(value: string): readonly string[] {
  const parsed = parseObject(value);
  if (parsed === undefined) return partsOf(value.trim());
  return Object.entries(parsed).flatMap(([name, member]) => (PUBLIC.has(name) ? [] : textsIn(member).flatMap(partsOf)));
}

/**
 * What a database keeps in place of a password, as far as it follows from the password alone. Its own statements, and so its own logs,
 * carry it; nothing else may: whoever has it may try passwords for ever, and MariaDB takes the first for a password.
 */
export function hashesOf(secret: string): readonly string[] {
  const sha1 = (bytes: string | Buffer) => createHash("sha1").update(bytes).digest();
  const native = sha1(sha1(secret)).toString("hex").toUpperCase();
  return [native, createHash("sha256").update(secret).digest("hex")];
}

/** How a verifier of PostgreSQL begins, which has a new salt each time. */
export const VERIFIER = "SCRAM-SHA-256$";

/** A key in PEM is known by its lines. The first one begins with what all keys of a kind have in common. */
function partsOf(secret: string): readonly string[] {
  if (!secret.includes("-----BEGIN")) return [secret];
  const lines = secret.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("-----"));
  return [secret, ...lines.map((line, index) => (index === 0 ? line.slice(COMMON) : line))];
}

const COMMON = 40;

function textsIn(value: unknown): readonly string[] {
  const texts: string[] = [];
  // Not by calling itself: a value may be nested deeper than the stack is.
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === "string") texts.push(next);
    else if (typeof next === "object" && next !== null) for (const each of Object.values(next)) open.push(each);
  }
  return texts;
}

function parseObject(value: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
