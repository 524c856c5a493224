import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { saslprep } from "./scram-saslprep.ts";

/** What PostgreSQL itself uses by default (`scram_iterations`), and the least that RFC 7677 allows. */
const ITERATIONS = 4096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * The SCRAM-SHA-256 verifier of a password (RFC 5803), in the form that PostgreSQL 10 and later store as it is:
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
 *
 * It replaces the password in `ALTER ROLE ... PASSWORD`: the server writes such statements to its log (`log_statement`, or
 * any failing one by `log_min_error_statement`), and a verifier does not open the door. Random salt unless one is given.
 */
export async function scramSha256Verifier(
  password: string,
  { salt = randomBytes(SALT_BYTES), iterations = ITERATIONS }: { salt?: Buffer; iterations?: number } = {},
): Promise<string> {
  const salted = await promisify(pbkdf2)(saslprep(password), salt, iterations, KEY_BYTES, "sha256");
  const storedKey = createHash("sha256").update(hmac(salted, "Client Key")).digest("base64");
  const serverKey = hmac(salted, "Server Key").toString("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
