import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import type { KeyPair } from "./random-value-credential.ts";

const DEFAULT_MODULUS_LENGTH = 3072;

type Kind = Pick<KeyPair, "format"> & { readonly modulusLength?: unknown };

/** A new pair in PEM (PKCS #8 and SPKI), and the public key's id. A large RSA key takes seconds. */
export function generateKeys(kind: Kind): { privateKey: string; publicKey: string; kid: string } {
  const { privateKey, publicKey } =
    kind.format === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: modulusLengthOf(kind) })
      : generateKeyPairSync("ed25519");
  return {
    privateKey: String(privateKey.export({ type: "pkcs8", format: "pem" })),
    publicKey: String(publicKey.export({ type: "spki", format: "pem" })),
    kid: thumbprint(publicKey),
  };
}

/** Whether the public key verifies what the private key signs, both being of the kind that is said. */
export function belongTogether({ format, privateKey, publicKey }: KeyPair): boolean {
  try {
    const [own, theirs] = [createPrivateKey(privateKey), createPublicKey(publicKey)];
    const message = randomBytes(32);
    const digest = format === "rsa" ? "sha256" : null;
    const isOfKind = [own, theirs].every((key) => key.asymmetricKeyType === format);
    return isOfKind && verify(digest, message, theirs, sign(digest, message, own));
  } catch {
    // What is no key, or an encrypted one, does not sign. The error may quote it.
    return false;
  }
}

/** Whether a rotation would make such a pair: its size, and the id that says which key it is. */
export function isAsGenerated(pair: KeyPair): boolean {
  try {
    const key = createPublicKey(pair.publicKey);
    const isOfSize = pair.format !== "rsa" || key.asymmetricKeyDetails?.modulusLength === modulusLengthOf(pair);
    return isOfSize && pair.kid === thumbprint(key);
  } catch {
    return false;
  }
}

function modulusLengthOf({ modulusLength }: Kind): number {
  return typeof modulusLength === "number" ? modulusLength : DEFAULT_MODULUS_LENGTH;
}

/** The JWK thumbprint of a public key (RFC 7638; for Ed25519 RFC 8037), SHA-256 in base64url. */
function thumbprint(key: KeyObject): string {
  const { kty, e, n, crv, x } = key.export({ format: "jwk" });
  const members = kty === "RSA" ? { e, kty, n } : { crv, kty, x };
  return createHash("sha256").update(JSON.stringify(members)).digest("base64url");
}
