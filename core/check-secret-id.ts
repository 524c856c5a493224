import { elsewhere, type Place, parseArn } from "./place.ts";
import { secretNameOf } from "./secret-names.ts";

/** What is wrong with a secret's name or ARN in a policy of this place, and what to do about it; undefined where nothing is. Pure. */
export function problemOfSecretId(id: string, here: Place): string | undefined {
  if (id.startsWith("arn:")) {
    const arn = parseSecretArn(id);
    if (arn === undefined) return SECRET_ARN_WANTED;
    return elsewhere(arn, here, ["partition", "account", "region"], "deploy Rotor there for it");
  }
  if (!isSecretName(id)) return SECRET_NAME_WANTED;
  if (!/-[A-Za-z0-9]{6}$/.test(id)) return undefined;
  return "ends like an ARN, with a hyphen and six characters, and so cannot be told from another secret's: give its full ARN";
}

/** The parts of a secret's full ARN; undefined for anything else. Pure. */
export function parseSecretArn(text: string): Place | undefined {
  const arn = parseArn(text);
  const isSecret =
    arn?.service === "secretsmanager" &&
    arn.region !== "" &&
    /^secret:[A-Za-z0-9/_+=.@!-]{1,512}-[A-Za-z0-9]{6}$/.test(arn.resource);
  return isSecret ? arn : undefined;
}

export function isSecretName(text: string): boolean {
  return /^[A-Za-z0-9/_+=.@!-]{1,512}$/.test(text);
}

/** A secret's name, by whichever id a policy has of it. */
export function nameOfSecret(id: string): string {
  return id.startsWith("arn:") ? secretNameOf(id) : id;
}

export const SECRET_NAME_WANTED = "must be a secret's name (1 to 512 of A-Z a-z 0-9 / _ + = . @ ! -) or its full ARN";
export const SECRET_ARN_WANTED =
  'must be the full ARN, "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>"';
