import { createHash } from "node:crypto";

/**
 * What MariaDB's plugin ed25519 stores for a password: the public key that belongs to it, in base64 without padding.
 *
 * The plugin hashes the password itself where Ed25519 (RFC 8032, 5.1.5) hashes a seed of 32 bytes, so node:crypto can derive the key
 * for passwords of that length only. One point multiplication is done here, on what is public afterwards.
 */
export function ed25519PasswordKey(password: string): string {
  const digest = createHash("sha512").update(password, "utf8").digest().subarray(0, 32);
  digest.writeUInt8(digest.readUInt8(0) & 0b1111_1000, 0);
  digest.writeUInt8((digest.readUInt8(31) & 0b0111_1111) | 0b0100_0000, 31);
  return encode(multiply(BASE, littleEndian(digest)))
    .toString("base64")
    .replace(/=$/, "");
}

// --- RFC 8032, 5.1 and appendix A: the curve edwards25519 in extended coordinates ---

const P = 2n ** 255n - 19n;
const D = modulo(-121_665n * inverse(121_666n));
const BASE = pointOf(
  15_112_221_349_535_400_772_501_151_409_588_531_511_454_012_693_041_857_206_046_113_283_949_847_762_202n,
  46_316_835_694_926_478_169_428_394_003_475_163_141_307_993_866_256_225_615_783_033_603_165_251_855_960n,
);

interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
  readonly t: bigint;
}

function pointOf(x: bigint, y: bigint): Point {
  return { x, y, z: 1n, t: modulo(x * y) };
}

function multiply(point: Point, scalar: bigint): Point {
  let [sum, power] = [pointOf(0n, 1n), point];
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) {
      sum = add(sum, power);
    }
    power = add(power, power);
  }
  return sum;
}

/** Complete: it doubles as well. */
function add(one: Point, other: Point): Point {
  const a = modulo((one.y - one.x) * (other.y - other.x));
  const b = modulo((one.y + one.x) * (other.y + other.x));
  const c = modulo(2n * one.t * other.t * D);
  const d = modulo(2n * one.z * other.z);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return { x: modulo(e * f), y: modulo(g * h), z: modulo(f * g), t: modulo(e * h) };
}

function encode({ x, y, z }: Point): Buffer {
  const inverted = inverse(z);
  const bytes = Buffer.from(
    modulo(y * inverted)
      .toString(16)
      .padStart(64, "0"),
    "hex",
  ).reverse();
  bytes.writeUInt8(bytes.readUInt8(31) | (Number(modulo(x * inverted) & 1n) << 7), 31);
  return bytes;
}

function littleEndian(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function modulo(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

/** By Fermat: value ** (P - 2). */
function inverse(value: bigint): bigint {
  let [result, power] = [1n, modulo(value)];
  for (let rest = P - 2n; rest > 0n; rest >>= 1n) {
    if (rest & 1n) {
      result = modulo(result * power);
    }
    power = modulo(power * power);
  }
  return result;
}
