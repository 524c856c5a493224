import { randomBytes, randomInt } from "node:crypto";
import * as z from "zod/mini";
import { RotationError } from "../errors.ts";
import type { PasswordGenerator } from "../password.ts";
import { type RandomValueCredential, randomValueCredential, type Shape, shapeOf } from "./random-value-credential.ts";
import { belongTogether, generateKeys, isAsGenerated } from "./random-value-keys.ts";
import { defineStrategy, type SignIn } from "./strategy.ts";

/**
 * A value that only has to be random and known to those who read the secret: a token, or a pair of keys for signing. There is
 * no target: the version that holds AWSCURRENT is what it is because of the label. With overlap: verifiers accept AWSPREVIOUS,
 * too, and signers may be told to go on using it for a while (`notBefore`).
 *
 * Without a target, to sign in means that the value can be used: the keys of a pair belong together; a token is a text.
 */
export const randomValue = defineStrategy<RandomValueCredential>({
  name: "random-value",
  scheme: "replace",
  credential: randomValueCredential,

  /**
   * Pure, but for the clock and the system's random source.
   * @throws RotationError ConfigurationInvalid while signers do not use the current value yet, or the version before it is still to
   * be accepted: that version would lose its label. And where the current value cannot be used: nothing could be rolled back to it
   */
  createSecret(current, generate) {
    const now = Date.now();
    checkIsUsable(current);
    checkIsInUse(current, now);
    const { notBefore: _, acceptPreviousUntil: __, ...kept } = current;
    return z.parse(randomValueCredential, { ...kept, ...newValue(current, generate), ...timesOf(current, now) });
  },

  /**
   * Changes nothing: what is to be set is set by the label. Refuses what createSecret would not have made of the base, or has made
   * so long ago that signers would use it before verifiers know it.
   * @throws RotationError ConfigurationInvalid
   */
  async setSecret({ candidate, base }, context) {
    const problem = problemWith(candidate, base);
    if (problem !== undefined) {
      throw new RotationError("ConfigurationInvalid", `Version ${context.versionId} ${problem}.`);
    }
  },

  /** @throws RotationError CredentialRejected when the keys do not belong together */
  async testSecret(credential, context) {
    if (!isUsable(credential)) {
      throw new RotationError(
        "CredentialRejected",
        `Version ${context.versionId}: what the private key signs, the public key does not verify.`,
      );
    }
  },

  /**
   * There is nothing to undo: the labels go back. The base has to be usable.
   * @throws RotationError CredentialDrift
   */
  async rollbackSecret({ base }, context) {
    if (!isUsable(base)) {
      throw new RotationError(
        "CredentialDrift",
        `The version before ${context.versionId} cannot be used: what its private key signs, its public key does not verify.`,
      );
    }
  },

  signIn: async (credential): Promise<SignIn> => (isUsable(credential) ? "accepted" : "rejected"),
});

function checkIsUsable(current: RandomValueCredential): void {
  if (!isUsable(current)) {
    throw new RotationError(
      "ConfigurationInvalid",
      "AWSCURRENT cannot be used, so no rotation could be rolled back to it: what its private key signs, its public key does not verify. " +
        "Put a pair of keys that belong together.",
    );
  }
}

function checkIsInUse({ notBefore, acceptPreviousUntil }: RandomValueCredential, now: number): void {
  const until = [notBefore, acceptPreviousUntil].map((time) => (time === undefined ? 0 : Date.parse(time)));
  const soonest = Math.max(...until);
  if (soonest > now) {
    throw new RotationError(
      "ConfigurationInvalid",
      `AWSPREVIOUS is needed until ${new Date(soonest).toISOString()} (notBefore, acceptPreviousUntil), and a rotation would take its label. ` +
        "Rotate after that, or put the value again without these two fields.",
    );
  }
}

function newValue(current: RandomValueCredential, generate: PasswordGenerator) {
  if (current.format !== "token") {
    return generateKeys(current);
  }
  const shape = shapeOf(current);
  const kid = current.kid === undefined ? {} : { kid: randomBytes(12).toString("base64url") };
  return { value: shape === undefined ? generate() : sample(current.alphabet, shape), ...kid };
}

/** Every text of the shape is equally likely. In base64url every one that bytes are encoded to: strict readers take no others. */
function sample(alphabet: string | undefined, { characters, length }: Shape): string {
  if (alphabet === "base64url") return randomBytes(Math.floor((length * 6) / 8)).toString("base64url");
  return Array.from({ length }, () => characters[randomInt(characters.length)]).join("");
}

function timesOf({ usageDelaySeconds = 0, overlapSeconds }: RandomValueCredential, now: number) {
  const usedFrom = now + usageDelaySeconds * 1000;
  return {
    ...(usageDelaySeconds > 0 && { notBefore: new Date(usedFrom).toISOString() }),
    ...(overlapSeconds !== undefined && {
      acceptPreviousUntil: new Date(usedFrom + overlapSeconds * 1000).toISOString(),
    }),
  };
}

function problemWith(candidate: RandomValueCredential, base: RandomValueCredential): string | undefined {
  if (!sameSettings(candidate, base)) return "must have the format and the settings of the version before it";
  if (isSameValue(candidate, base)) return "has the value of the version before it";
  if (!isWellFormed(candidate)) return "is not of the form that its own settings ask for";
  const { usageDelaySeconds = 0, notBefore = "" } = candidate;
  const isDelayed = usageDelaySeconds === 0 || Date.parse(notBefore) > Date.now();
  return isDelayed
    ? undefined
    : "has no notBefore that is still to come, so signers would not wait for its usage delay";
}

const SETTINGS = ["format", "alphabet", "length", "modulusLength", "usageDelaySeconds", "overlapSeconds"];

function sameSettings(one: RandomValueCredential, other: RandomValueCredential): boolean {
  const [a, b]: Readonly<Record<string, unknown>>[] = [one, other];
  return SETTINGS.every((name) => a?.[name] === b?.[name]);
}

function isSameValue(one: RandomValueCredential, other: RandomValueCredential): boolean {
  return secretOf(one) === secretOf(other);
}

function secretOf(credential: RandomValueCredential): string {
  return credential.format === "token" ? credential.value : credential.privateKey;
}

function isWellFormed(credential: RandomValueCredential): boolean {
  if (credential.format !== "token") {
    return isUsable(credential) && isAsGenerated(credential);
  }
  const shape = shapeOf(credential);
  const { alphabet, value } = credential;
  return (
    shape === undefined ||
    (value.length === shape.length &&
      [...value].every((one) => shape.characters.includes(one)) &&
      (alphabet !== "base64url" || Buffer.from(value, "base64url").toString("base64url") === value))
  );
}

function isUsable(credential: RandomValueCredential): boolean {
  return credential.format === "token" || belongTogether(credential);
}
