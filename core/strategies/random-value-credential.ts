import * as z from "zod/mini";

const ALPHABETS: ReadonlyMap<string, string> = new Map([
  ["hex", "0123456789abcdef"],
  ["base64url", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"],
]);

/** So that no alphabet of one's own is spelled like the name of one of ours. */
const LEAST_CHARACTERS = 10;
const LEAST_BITS = 128;
const DEFAULT_BITS = 256;
const LONGEST = 4096;
const DAY_SECONDS = 86_400;

const text = (field: string) =>
  z.string({ error: `${field} must be a text` }).check(z.minLength(1, `${field} must not be empty`));

const seconds = (field: string, most: number) => {
  const error = `${field} must be a whole number from 0 to ${most}`;
  return z.optional(z.int({ error }).check(z.minimum(0, error), z.maximum(most, error)));
};

const instant = (field: string) =>
  z.optional(z.iso.datetime({ error: `${field} must be a time such as 2026-01-31T12:00:00Z` }));

const times = {
  /** How long verifiers are given to learn of a new value before signers may use it. */
  usageDelaySeconds: seconds("usageDelaySeconds", 30 * DAY_SECONDS),
  /** How long verifiers go on accepting the version before, from then on. */
  overlapSeconds: seconds("overlapSeconds", 366 * DAY_SECONDS),
  /** Signers use the version before until then. Written by a rotation. */
  notBefore: instant("notBefore"),
  /** Verifiers accept the version before until then. Written by a rotation. */
  acceptPreviousUntil: instant("acceptPreviousUntil"),
};

const token = z
  .looseObject({
    format: z.literal("token"),
    value: text("value"),
    alphabet: z.optional(
      z
        .string({ error: "alphabet must be a text" })
        .check(
          z.refine(
            (value) => ALPHABETS.has(value) || isAlphabet(value),
            `alphabet must be "hex", "base64url", or at least ${LEAST_CHARACTERS} different printable ASCII characters`,
          ),
        ),
    ),
    length: z.optional(
      z
        .int({ error: `length must be a whole number up to ${LONGEST}` })
        .check(z.minimum(1, "length must be positive"), z.maximum(LONGEST, `length must be at most ${LONGEST}`)),
    ),
    kid: z.optional(text("kid")),
    ...times,
  })
  .check(
    z.refine(({ alphabet, length }) => alphabet !== undefined || length === undefined, {
      path: ["length"],
      message: "length needs an alphabet: without one the policy's password rules say what a token looks like",
    }),
    z.refine(({ alphabet, length }) => isLongEnough(alphabet, length), {
      path: ["length"],
      message: `length and alphabet must give at least ${LEAST_BITS} bits`,
    }),
    z.refine(
      ({ alphabet, length = 0 }) =>
        !(alphabet === "hex" ? length % 2 === 1 : alphabet === "base64url" && length % 4 === 1),
      {
        path: ["length"],
        message: "length must be one that whole bytes have: even in hex, not 1 more than a multiple of 4 in base64url",
      },
    ),
  );

/** In the form that a rotation writes: whoever reads the first value has to be able to read the next one. */
const pem = (field: string, label: string) => {
  const begin = `-----BEGIN ${label}-----`;
  const error = `${field} must be PEM with its line breaks that begins with ${begin}`;
  return z.string({ error }).check(z.regex(new RegExp(`^${begin}\\r?\\n`), error));
};

const keys = {
  privateKey: pem("privateKey", "PRIVATE KEY"),
  publicKey: pem("publicKey", "PUBLIC KEY"),
  kid: z.optional(text("kid")),
  ...times,
};

const rsa = z.looseObject({
  format: z.literal("rsa"),
  modulusLength: z.optional(
    z.union([z.literal(2048), z.literal(3072), z.literal(4096)], { error: "modulusLength must be 2048, 3072 or 4096" }),
  ),
  ...keys,
});

const ed25519 = z.looseObject({ format: z.literal("ed25519"), ...keys });

/**
 * The SecretString of a value that only has to be random. What it is to look like stands beside it, as no AWS format is
 * documented for it. Parsing changes nothing, and keys that are not named here are kept. Messages name the field, never its value.
 */
export const randomValueCredential = z.discriminatedUnion("format", [token, rsa, ed25519], {
  error: ({ code }) =>
    code === "invalid_union" ? 'format must be "token", "rsa" or "ed25519"' : "the secret must be a JSON object",
});
export type RandomValueCredential = z.infer<typeof randomValueCredential>;
export type Token = z.infer<typeof token>;
export type KeyPair = z.infer<typeof rsa> | z.infer<typeof ed25519>;

/** What a token is made of; undefined where the policy's password rules say so. */
export function shapeOf({ alphabet, length }: Pick<Token, "alphabet" | "length">): Shape | undefined {
  if (alphabet === undefined) {
    return undefined;
  }
  const characters = ALPHABETS.get(alphabet) ?? alphabet;
  return { characters, length: length ?? Math.ceil(DEFAULT_BITS / Math.log2(characters.length)) };
}

export interface Shape {
  readonly characters: string;
  readonly length: number;
}

function isAlphabet(text: string): boolean {
  return /^[!-~]+$/.test(text) && new Set(text).size === text.length && text.length >= LEAST_CHARACTERS;
}

function isLongEnough(alphabet: string | undefined, length: number | undefined): boolean {
  const shape = shapeOf({ alphabet, length });
  return shape === undefined || shape.length * Math.log2(shape.characters.length) >= LEAST_BITS;
}
