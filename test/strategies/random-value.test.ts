import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  sign,
  verify,
} from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { randomValue } from "../../core/strategies/random-value.ts";
import {
  type KeyPair,
  type RandomValueCredential,
  randomValueCredential,
} from "../../core/strategies/random-value-credential.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { testStrategyWithoutTarget } from "../contracts/strategy-without-target.ts";

const generate = passwordGenerator(passwordRules.parse({}));
const derive = (current: RandomValueCredential) => randomValue.createSecret(current, generate);

const context: RotationContext = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: () => Promise.reject(new Error("no other secret is needed")),
  timeoutMs: 5000,
  policy: { openSessions: "report" },
  signal: new AbortController().signal,
};

/** The documented commands' kind of pair: no kid, and PEM as OpenSSL writes it. */
function pem(pair: ReturnType<typeof generateKeyPairSync>) {
  return {
    privateKey: String(pair.privateKey.export({ type: "pkcs8", format: "pem" })),
    publicKey: String(pair.publicKey.export({ type: "spki", format: "pem" })),
  };
}

const token = { format: "token", value: "the-first-value-of-a-token" } as const;
const hex = { ...token, alphabet: "hex" } as const;
const ed25519 = { format: "ed25519", ...pem(generateKeyPairSync("ed25519")) } as const;
const otherEd25519 = pem(generateKeyPairSync("ed25519"));
const rsa = {
  format: "rsa",
  modulusLength: 2048,
  ...pem(generateKeyPairSync("rsa", { modulusLength: 2048 })),
} as const;
const otherRsa = pem(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const smallRsa = pem(generateKeyPairSync("rsa", { modulusLength: 1024 }));

testStrategyWithoutTarget<RandomValueCredential>({
  strategy: randomValue,
  name: "a token by the policy's password rules",
  current: token,
  secretOf,
  tampered: ({ base, candidate }) => ({
    "the same value": base,
    "an alphabet that the base has not": { ...candidate, alphabet: "hex", length: 32 } as RandomValueCredential,
    "another delay": { ...candidate, usageDelaySeconds: 1 },
    "another overlap": { ...candidate, overlapSeconds: 1 },
    "another format": { ...ed25519, ...otherEd25519 },
  }),
});

testStrategyWithoutTarget<RandomValueCredential>({
  strategy: randomValue,
  name: "a token of an alphabet",
  current: hex,
  secretOf,
  tampered: ({ base, candidate }) => ({
    "the same value": base,
    "too short a value": { ...candidate, value: "0123456789abcdef" } as RandomValueCredential,
    "a character of another alphabet": { ...candidate, value: "g".repeat(64) } as RandomValueCredential,
    "another length": { ...candidate, length: 32, value: "a".repeat(32) } as RandomValueCredential,
  }),
});

testStrategyWithoutTarget<RandomValueCredential>({
  strategy: randomValue,
  name: "an Ed25519 pair",
  current: ed25519,
  secretOf,
  tampered: ({ base, candidate }) => ({
    "the same pair": base,
    "keys that do not belong together": { ...candidate, publicKey: ed25519.publicKey } as RandomValueCredential,
    "another key's id": { ...candidate, kid: "another" } as RandomValueCredential,
    "no id": { ...candidate, kid: undefined } as RandomValueCredential,
    "keys of another kind": { ...candidate, ...otherRsa },
  }),
  unusable: (credential) => ({ ...credential, publicKey: otherEd25519.publicKey }) as RandomValueCredential,
});

testStrategyWithoutTarget<RandomValueCredential>({
  strategy: randomValue,
  name: "an RSA pair",
  current: rsa,
  secretOf,
  tampered: ({ base, candidate }) => ({
    "the same pair": base,
    "another size": { ...candidate, modulusLength: 3072 } as RandomValueCredential,
    "a key of another size than it says": { ...candidate, ...smallRsa, kid: idOfRsa(smallRsa.publicKey) },
    "keys that do not belong together": { ...candidate, publicKey: otherRsa.publicKey } as RandomValueCredential,
  }),
  unusable: (credential) =>
    ({ ...credential, privateKey: "-----BEGIN PRIVATE KEY-----\nhunter2" }) as RandomValueCredential,
});

describe("tokens", () => {
  test.each([
    [{ alphabet: "hex" }, /^[0-9a-f]{64}$/, 32],
    [{ alphabet: "hex", length: 32 }, /^[0-9a-f]{32}$/, 16],
    [{ alphabet: "base64url" }, /^[A-Za-z0-9_-]{43}$/, 32],
    [{ alphabet: "base64url", length: 86 }, /^[A-Za-z0-9_-]{86}$/, 64],
  ] as const)("%j are text of the encoding, and of whole bytes", (settings, pattern, bytes) => {
    const { value } = tokenOf({ ...token, ...settings });

    expect(value).toMatch(pattern);
    expect(Buffer.from(value, settings.alphabet)).toHaveLength(bytes);
  });

  test.each([43, 64, 30])(
    "of %d characters in base64url are what bytes are encoded to, which strict readers ask for",
    async (length) => {
      const base = { ...token, alphabet: "base64url", length } as const;
      const values = Array.from({ length: 100 }, () => tokenOf(base).value);

      expect(values.filter((value) => value.length !== length)).toEqual([]);
      expect(values.map((value) => Buffer.from(value, "base64url").toString("base64url"))).toEqual(values);
    },
  );

  test("whose last character no bytes are encoded to are refused", async () => {
    const base = { ...token, alphabet: "base64url" } as const;
    const of = (value: string) => randomValue.setSecret({ base, candidate: { ...base, value } }, context);

    await of(`${"a".repeat(42)}A`);
    await expect(of(`${"a".repeat(42)}B`)).rejects.toMatchObject({ name: "ConfigurationInvalid" });
  });

  test("of an alphabet of one's own have its characters only, each of them in its turn, and 256 bits", () => {
    const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    const values = Array.from({ length: 200 }, () => tokenOf({ ...token, alphabet }).value);

    expect(new Set(values.map((value) => value.length))).toEqual(new Set([52]));
    const counts = [...alphabet].map((one) => values.join("").split(one).length - 1);
    // 200 x 52 characters, 325 of each expected; six standard deviations to either side.
    expect(Math.min(...counts)).toBeGreaterThan(325 - 6 * 18);
    expect(Math.max(...counts)).toBeLessThan(325 + 6 * 18);
    expect(counts.reduce((sum, count) => sum + count)).toBe(200 * 52);
  });

  test("without an alphabet are what the policy's password rules ask for", () => {
    const rules = passwordRules.parse({ length: 77, excludeCharacters: "abc" });

    const candidate = randomValue.createSecret(token, passwordGenerator(rules));

    expect(candidate).toMatchObject({ value: expect.stringMatching(/^[A-Zd-z0-9]{77}$/) });
  });

  test("get another id where they have one, and none where they have none", () => {
    const [one, other] = [tokenOf({ ...hex, kid: "2026-01" }), tokenOf({ ...hex, kid: "2026-01" })];

    expect(new Set(["2026-01", one.kid, other.kid]).size).toBe(3);
    expect(tokenOf(hex)).not.toHaveProperty("kid");
  });

  test("that were not made by a rotation are as good as others: a first value need not be of the form", async () => {
    expect(await randomValue.signIn(hex, context)).toBe("accepted");
    await randomValue.testSecret(hex, context);
  });
});

describe("pairs of keys", () => {
  test.each([
    ["ed25519", ed25519, undefined],
    ["rsa", rsa, 2048],
  ] as const)("of %s are PKCS #8 and SPKI, of the size that is asked for", (type, current, modulusLength) => {
    const { privateKey, publicKey } = pairOf(current);

    expect(privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    expect(createPrivateKey(privateKey).asymmetricKeyType).toBe(type);
    expect(createPublicKey(publicKey).asymmetricKeyDetails?.modulusLength).toBe(modulusLength);
    expect(createPublicKey(privateKey).export({ type: "spki", format: "pem" })).toBe(publicKey);
  });

  test("have an id that everybody can reckon from the public key: RFC 7638", () => {
    const { kid, publicKey } = pairOf(rsa);

    expect(kid).toBe(idOfRsa(publicKey));
  });

  test("have the id of the example in RFC 8037, where they are its keys", async () => {
    // Appendix A: the key of A.1, the thumbprint of A.3.
    const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const d = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const jwk = { kty: "OKP", crv: "Ed25519", x };
    const candidate = {
      ...ed25519,
      privateKey: String(
        createPrivateKey({ key: { ...jwk, d }, format: "jwk" }).export({ type: "pkcs8", format: "pem" }),
      ),
      publicKey: String(createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" })),
    };
    const of = (kid: string) => randomValue.setSecret({ base: ed25519, candidate: { ...candidate, kid } }, context);

    await of("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    await expect(of("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4l")).rejects.toMatchObject({
      name: "ConfigurationInvalid",
    });
  });

  test("are 3072 bits of RSA where no size is asked for", async () => {
    const { modulusLength: _, ...current } = rsa;

    expect(createPublicKey(pairOf(current).publicKey).asymmetricKeyDetails?.modulusLength).toBe(3072);
  });

  test("that are encrypted, or no keys, cannot be used, and say nothing of what they are", async () => {
    const encrypted = createPrivateKey(rsa.privateKey).export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "hunter2",
    });
    const secret = createSecretKey(Buffer.from("hunter2")).export().toString();

    for (const privateKey of [String(encrypted), secret, rsa.publicKey, ed25519.privateKey]) {
      expect(await randomValue.signIn({ ...rsa, privateKey }, context)).toBe("rejected");
    }
  });

  test("that do not belong together are not rotated: there would be nothing to roll back to", () => {
    const current = { ...ed25519, publicKey: otherEd25519.publicKey };

    expect(() => derive(current)).toThrow(
      expect.objectContaining({
        name: "ConfigurationInvalid",
        message: expect.stringContaining("Put a pair of keys that belong together"),
      }),
    );
  });

  test("of another kind than is said cannot be used, though they belong together", async () => {
    expect(await randomValue.signIn({ ...ed25519, ...otherRsa }, context)).toBe("rejected");
    expect(await randomValue.signIn({ ...rsa, ...otherEd25519 }, context)).toBe("rejected");
  });
});

describe("usage delay and overlap", () => {
  const delayed = { ...ed25519, usageDelaySeconds: 3600, overlapSeconds: 86_400 };
  const start = Date.parse("2026-03-01T12:00:00.000Z");

  beforeEach(() => {
    vi.useFakeTimers({ now: start });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a new value says from when on it may be used, and until when the one before is to be accepted", () => {
    expect(derive(delayed)).toMatchObject({
      notBefore: "2026-03-01T13:00:00.000Z",
      acceptPreviousUntil: "2026-03-02T13:00:00.000Z",
    });
    expect(derive({ ...ed25519, overlapSeconds: 60 })).toMatchObject({
      acceptPreviousUntil: "2026-03-01T12:01:00.000Z",
    });
  });

  test("without them it says nothing, whatever the value before said", () => {
    const candidate = derive({
      ...ed25519,
      notBefore: "2026-01-01T00:00:00Z",
      acceptPreviousUntil: "2026-01-02T00:00:00Z",
    });

    expect(candidate).not.toHaveProperty("notBefore");
    expect(candidate).not.toHaveProperty("acceptPreviousUntil");
    expect(derive({ ...ed25519, usageDelaySeconds: 0 })).not.toHaveProperty("notBefore");
  });

  test("a rotation is refused for as long as AWSPREVIOUS is needed, and names the time", () => {
    const first = derive(delayed);
    const again = () => derive(first);
    const refusal = {
      name: "ConfigurationInvalid",
      message: expect.stringContaining("needed until 2026-03-02T13:00:00.000Z"),
    };

    for (const seconds of [0, 3599, 3600, 89_999]) {
      vi.setSystemTime(start + seconds * 1000);
      expect(again, String(seconds)).toThrow(expect.objectContaining(refusal));
    }
    vi.setSystemTime(start + 90_000_000);
    expect(again()).toMatchObject({ notBefore: "2026-03-02T14:00:00.000Z" });
  });

  test("a candidate whose usage delay is over before it is set is refused, and so is one without: verifiers would not know it", async () => {
    const candidate = derive(delayed);
    const { notBefore: _, ...without } = candidate;
    const refusal = { name: "ConfigurationInvalid", message: expect.stringContaining("notBefore") };

    await expect(randomValue.setSecret({ base: delayed, candidate: without }, context)).rejects.toMatchObject(refusal);
    vi.setSystemTime(start + 3_599_999);
    await randomValue.setSecret({ base: delayed, candidate }, context);
    vi.setSystemTime(start + 3_600_000);
    await expect(randomValue.setSecret({ base: delayed, candidate }, context)).rejects.toMatchObject(refusal);
  });

  test("signers and verifiers who do as documented always understand each other, whoever has read what", () => {
    const versions = [delayed as RandomValueCredential];
    const labels = () => ({ current: versions.at(-1) as KeyPair, previous: versions.at(-2) as KeyPair | undefined });
    const readings = [{ at: start, ...labels() }];
    for (let minute = 0; minute <= 2 * 1560; minute += 30) {
      const now = start + minute * 60_000;
      vi.setSystemTime(now);
      if (minute > 0 && minute % 1560 === 0) versions.push(derive(labels().current));
      readings.push({ at: now, ...labels() });
      // Nobody's reading is older than half an hour, less than the delay.
      const fresh = readings.filter(({ at }) => now - at <= 30 * 60_000);
      for (const { current, previous } of fresh) {
        const signer = current.notBefore !== undefined && now < Date.parse(current.notBefore) ? previous : current;
        const signature = sign(null, Buffer.from("message"), signer?.privateKey ?? "");
        for (const verifier of fresh) {
          const accepts = [verifier.current, verifier.previous].filter((key) => key !== undefined);
          expect(accepts.some((key) => verify(null, Buffer.from("message"), key.publicKey, signature))).toBe(true);
        }
      }
    }
    expect(versions.length).toBeGreaterThan(2);
  });
});

describe("the secret's JSON", () => {
  test("keys that are not known, and values that are, stay as they are", () => {
    const value = {
      ...hex,
      length: 64,
      kid: "a",
      usageDelaySeconds: 60,
      overlapSeconds: 0,
      notBefore: "2026-01-01T00:00:00Z",
      issuer: "x",
    };

    expect(randomValueCredential.parse(value)).toEqual(value);
    expect(randomValueCredential.parse({ ...rsa, kid: "a", use: "sig" })).toEqual({ ...rsa, kid: "a", use: "sig" });
  });

  test.each([
    ["format", { format: "aes" }],
    ["format", { format: undefined }],
    ["value", { value: "" }],
    ["value", { value: ["hunter2"] }],
    ["alphabet", { alphabet: "01" }],
    ["alphabet", { alphabet: "constructor" }],
    ["alphabet", { alphabet: "__defineGetter__" }],
    ["alphabet", { alphabet: "0123456789 " }],
    ["alphabet", { alphabet: "01234567899" }],
    ["alphabet", { alphabet: "0123456789é" }],
    ["alphabet", { alphabet: 16 }],
    ["length", { length: 64 }],
    ["length", { alphabet: "hex", length: 30 }],
    ["length", { alphabet: "hex", length: 33 }],
    ["length", { alphabet: "base64url", length: 41 }],
    ["length", { alphabet: "base64url", length: 20 }],
    ["length", { alphabet: "0123456789", length: 38 }],
    ["length", { alphabet: "hex", length: 5000 }],
    ["length", { alphabet: "hex", length: "64" }],
    ["kid", { kid: "" }],
    ["usageDelaySeconds", { usageDelaySeconds: -1 }],
    ["usageDelaySeconds", { usageDelaySeconds: 2_592_001 }],
    ["overlapSeconds", { overlapSeconds: 1.5 }],
    ["notBefore", { notBefore: "tomorrow" }],
    ["acceptPreviousUntil", { acceptPreviousUntil: 5 }],
  ])("a bad %s is named, and no value is: %j", (field, change) => {
    const result = randomValueCredential.safeParse({ ...token, value: "hunter2-secret", ...change });

    expect(result.success).toBe(false);
    expect(result.error?.issues.map((issue) => issue.path.join("."))).toContain(field);
    expect(result.error?.issues.map((issue) => issue.message).join()).toContain(field);
    expect(String(result.error?.message)).not.toContain("hunter2");
  });

  test.each([
    ["modulusLength", { modulusLength: 1024 }],
    ["privateKey", { privateKey: "" }],
    ["publicKey", { publicKey: undefined }],
  ])("a bad %s of a pair is named: %j", (field, change) => {
    const result = randomValueCredential.safeParse({ ...rsa, ...change });

    expect(result.error?.issues.map((issue) => [issue.path.join("."), issue.message.includes(field)])).toEqual([
      [field, true],
    ]);
  });

  // A rotation writes PKCS #8 and SPKI: whoever reads one of these could not read the value after it.
  test.each([
    ["a key in PKCS #1", "privateKey", createPrivateKey(rsa.privateKey).export({ type: "pkcs1", format: "pem" })],
    ["a key whose line breaks are written out", "privateKey", rsa.privateKey.replaceAll("\n", "\\n")],
    ["a public key in PKCS #1", "publicKey", createPublicKey(rsa.publicKey).export({ type: "pkcs1", format: "pem" })],
    ["a certificate", "publicKey", "-----BEGIN CERTIFICATE-----\nMIIB"],
    ["the private key twice", "publicKey", rsa.privateKey],
  ])("%s is refused, though it could be used, and the field is named", (_, field, value) => {
    const result = randomValueCredential.safeParse({ ...rsa, [field]: value });

    expect(result.error?.issues.map((issue) => issue.path.join("."))).toEqual([field]);
    expect(result.error?.issues[0]?.message).toContain(`${field} must be PEM`);
    expect(String(result.error?.message)).not.toContain("MII");
  });

  test.each([["a text"], [null], [42]])("%j is not an object, and not a value", (value) => {
    expect(randomValueCredential.safeParse(value).error?.issues[0]?.message).toBe("the secret must be a JSON object");
  });
});

/** RFC 7638, written out. */
function idOfRsa(publicKey: string): string {
  const { e, kty, n } = createPublicKey(publicKey).export({ format: "jwk" });
  return createHash("sha256").update(`{"e":"${e}","kty":"${kty}","n":"${n}"}`).digest("base64url");
}

function secretOf(credential: RandomValueCredential): string {
  return credential.format === "token" ? credential.value : credential.privateKey;
}

function tokenOf(current: RandomValueCredential) {
  const candidate = derive(current);
  if (candidate.format !== "token") throw new Error("It is no token.");
  return candidate;
}

function pairOf(current: RandomValueCredential) {
  const candidate = derive(current);
  if (candidate.format === "token") throw new Error("It is no pair.");
  return candidate;
}
