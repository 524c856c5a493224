import { type Arn, elsewhere, type Place, parseArn } from "./place.ts";

/** The parts of a KMS key's full ARN; undefined for anything else. Pure. */
export function parseKeyArn(text: string): Arn | undefined {
  const arn = parseArn(text);
  return arn?.service === "kms" && arn.region !== "" && KEY.test(arn.resource) ? arn : undefined;
}

/**
 * What is wrong with the ARN of a secret's key, and what to do about it; undefined where nothing is. A secret may be under another
 * account's key: whether it is, is known when it is found. Pure.
 */
export function problemOfKeyArn(text: string, here: Place): string | undefined {
  const key = parseKeyArn(text);
  return key === undefined ? KEY_ARN_WANTED : elsewhere(key, here, ["partition", "region"], KEY_HERE);
}

export const KEY_ARN_WANTED =
  'must be the full ARN of a KMS key, "arn:aws:kms:<region>:<account>:key/<id>", with an id such as "1234abcd-12ab-34cd-56ef-1234567890ab" or "mrk-" and 32 hexadecimal digits: IAM knows no alias';

/** What to do about a key that is not where it is deployed to. */
export const KEY_HERE = "give a key that is there, too";

// --- internal ---

const KEY = /^key\/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/;
