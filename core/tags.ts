/** Of every resource, by sst.config.ts and by SST: app, stage, managed-by, sst:app, sst:stage. */
const OWN_TAGS = 5;

/**
 * How many tags a deployment may add. Nearly everything takes 50. But each function's code is an object in S3, which takes 10, and
 * leaving the provider's tags off those does not work in its present version (terraform-provider-aws issue 45381).
 */
export const MOST_TAGS = 10 - OWN_TAGS;

/**
 * What is wrong with a tag that every resource is to have, so that no service refuses it half-way; undefined where nothing is. Pure.
 *
 * @param others keys that are there already
 */
export function tagProblem(key: string, value: string, others: readonly string[]): string | undefined {
  if (!/^[\p{L}\p{N}\p{Z}_.:/=+@-]{1,128}$/u.test(key)) return `a tag's key must have 1 to 128 ${CHARACTERS}`;
  if (!/^[\p{L}\p{N}\p{Z}_.:/=+@-]{0,256}$/u.test(value)) return `a tag's value must have at most 256 ${CHARACTERS}`;
  if (/^aws:/i.test(key)) return 'begins with "aws:", which AWS keeps for itself in any letter case: call it otherwise';
  if (/^(app|stage|managed-by|(sst|rotor):.*)$/i.test(key)) return "is set by the deployment itself: take it out";
  const same = others.find((other) => other.toLowerCase() === key.toLowerCase());
  return same === undefined ? undefined : `is "${same}" but for letter case, which is one key to IAM: keep one of them`;
}

// --- internal ---

const CHARACTERS = "letters, digits, spaces and _ . : / = + - @";
