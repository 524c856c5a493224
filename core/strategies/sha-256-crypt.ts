import { createHash } from "node:crypto";

/**
 * SHA-256-crypt (Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512"), the part behind the salt. MySQL's plugin
 * caching_sha2_password stores it with a salt of 20 bytes, which is taken whole here.
 */
export function sha256Crypt(password: string, salt: Buffer, rounds: number): string {
  const key = Buffer.from(password, "utf8");
  const alternate = sha256(key, salt, key);
  const parts = [key, salt, repeat(alternate, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) {
    parts.push(bits & 1 ? alternate : key);
  }
  let digest = sha256(...parts);
  const p = repeat(sha256(...Array<Buffer>(key.length).fill(key)), key.length);
  const s = repeat(sha256(...Array<Buffer>(16 + digest.readUInt8(0)).fill(salt)), salt.length);
  for (let round = 0; round < rounds; round += 1) {
    digest = sha256(
      round & 1 ? p : digest,
      ...(round % 3 ? [s] : []),
      ...(round % 7 ? [p] : []),
      round & 1 ? digest : p,
    );
  }
  return encode(digest);
}

/** The order in which the digest's bytes are written, three at a time; of the last triple there are two. */
const ORDER = [
  [0, 10, 20],
  [21, 1, 11],
  [12, 22, 2],
  [3, 13, 23],
  [24, 4, 14],
  [15, 25, 5],
  [6, 16, 26],
  [27, 7, 17],
  [18, 28, 8],
  [9, 19, 29],
  [31, 30],
];

const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function encode(digest: Buffer): string {
  return ORDER.map((triple) => {
    const value = triple.reduce((sum, index) => (sum << 8) | digest.readUInt8(index), 0);
    return Array.from({ length: triple.length + 1 }, (_, sextet) => ALPHABET.charAt((value >> (6 * sextet)) & 63)).join(
      "",
    );
  }).join("");
}

function sha256(...parts: readonly Buffer[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) {
    hash.update(part);
  }
  return hash.digest();
}

/** `bytes` over and over, to this length. */
function repeat(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}
