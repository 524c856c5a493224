import { functionNameOf } from "./check-rotation-function.ts";
import { policyField } from "./config-field.ts";
import { signingOf, withSigningSecret } from "./dependent-signing.ts";
import { parseKeyArn } from "./key-arn.ts";
import { type Path, sentence } from "./parse.ts";
import { type Place, parseArn } from "./place.ts";
import { isOfStage, type Policy } from "./policies.ts";
import { undeployable } from "./undeployable.ts";

/** What a deployment sees of a secret that a policy names. */
export interface FoundSecret {
  readonly arn: string;
  /** The customer's key that its values are encrypted with; empty or absent for AWS's own. */
  readonly kmsKeyId?: string;
  /** The function that rotates it now; empty or absent for none. */
  readonly rotationFunctionArn?: string;
}

/** The stage that is deployed. */
export interface Stage {
  readonly stage: string;
  readonly account: string;
  /** The names of its gates, one for each engine, and the pattern of those of any stage of this app. */
  readonly gates: readonly string[];
  readonly anyGate: RegExp;
}

/** The secrets that a policy names, as it names them: what bindPolicies has to be shown. Pure. */
export function secretsNamedIn({ secretId, administratorSecretId, dependents }: Policy): readonly string[] {
  const keys = dependents.flatMap((dependent) => signingOf(dependent)?.secretId ?? []);
  return [secretId, ...(administratorSecretId === undefined ? [] : [administratorSecretId]), ...keys];
}

/**
 * A stage's policies with the ARNs of the secrets that they name. Roles allow exactly those, and a native rotation is bound to the
 * ARN: bound to the name, it would be taken off and put on again by every deployment.
 *
 * @param found by the ids of secretsNamedIn; a text says why it could not be read
 * @throws RotationError ConfigurationInvalid: every secret that is not there, has a key that is not declared, is another stage's to
 *   rotate, or is no key for signing because it is a policy's or an administrator's; a rotation function that is a gate
 */
export function bindPolicies(
  all: readonly Policy[],
  found: ReadonlyMap<string, FoundSecret | string>,
  own: Stage,
): readonly Policy[] {
  const problems: string[] = [];
  const bound: Policy[] = [];
  const arnOf = (id: string) => {
    const secret = lookUp(found, id);
    return typeof secret === "string" ? id : secret.arn;
  };
  const ownPolicies = all.filter((policy) => isOfStage(policy, own.stage));
  const others = new Set(
    ownPolicies.flatMap((each) => [each.secretId, each.administratorSecretId ?? []].flat()).map(arnOf),
  );
  for (const [index, policy] of all.entries()) {
    if (!isOfStage(policy, own.stage)) continue;
    for (const [path, problem] of [
      ...problemsOf(policy, found, own),
      ...problemsOfSigning(policy, found, own, others),
    ]) {
      problems.push(sentence(policyField(all, [index, ...path]), problem));
    }
    const { secretId, administratorSecretId, dependents } = policy;
    bound.push({
      ...policy,
      secretId: arnOf(secretId),
      dependents: dependents.map((dependent) => withSigningSecret(dependent, arnOf)),
      ...(administratorSecretId === undefined ? {} : { administratorSecretId: arnOf(administratorSecretId) }),
    });
  }
  if (problems.length > 0) throw undeployable("rotation.config", problems);
  return bound;
}

// --- internal ---

type Problem = readonly [path: Path, problem: string];
type Found = ReadonlyMap<string, FoundSecret | string>;

/** A text says why there is none. */
function lookUp(found: Found, id: string): FoundSecret | string {
  const secret = found.get(id) ?? "it was not looked for";
  return typeof secret === "string" ? `the secret "${id}" could not be read: ${secret}. Create it first` : secret;
}

function problemsOf(policy: Policy, found: Found, own: Stage): readonly Problem[] {
  const { secretId, administratorSecretId, kmsKeyArn, administratorKmsKeyArn, strategy } = policy;
  const problems: Problem[] = [];
  if (own.anyGate.test(functionNameOf(policy.rotationFunctionArn))) {
    problems.push([
      ["rotationFunctionArn"],
      "is a gate of Rotor's, which waits for the rotation that would call it: name the function that changes the credential",
    ]);
  }
  const secret = lookUp(found, secretId);
  if (typeof secret === "string") problems.push([["secretId"], secret]);
  else {
    const key = strategy === undefined ? undefined : problemOfKey(kmsKeyArn, secret, own);
    if (key !== undefined) problems.push([["kmsKeyArn"], key]);
    problems.push(...problemsOfGate(policy, secret, own));
  }
  if (administratorSecretId === undefined) return problems;
  const administrator = lookUp(found, administratorSecretId);
  if (typeof administrator === "string") problems.push([["administratorSecretId"], administrator]);
  else {
    const key = problemOfKey(administratorKmsKeyArn, administrator, own);
    if (key !== undefined) problems.push([["administratorKmsKeyArn"], key]);
  }
  return problems;
}

/** @param others ARNs of the secrets that are rotated, and of administrators: the function that signs may read none of them */
function problemsOfSigning(
  { dependents }: Policy,
  found: Found,
  own: Stage,
  others: ReadonlySet<string>,
): readonly Problem[] {
  return dependents.flatMap((dependent, index): Problem[] => {
    const signing = signingOf(dependent);
    if (signing === undefined) return [];
    const at = (field: string) => ["dependents", index, "target", "signing", field];
    const secret = lookUp(found, signing.secretId);
    if (typeof secret === "string") return [[at("secretId"), secret]];
    if (others.has(secret.arn)) {
      const problem =
        "is a secret that a policy is for, or an administrator's, and no key for signing: give the key a secret of its own";
      return [[at("secretId"), problem]];
    }
    const key = problemOfKey(signing.kmsKeyArn, secret, own);
    return key === undefined ? [] : [[at("kmsKeyArn"), key]];
  });
}

function problemOfKey(declared: string | undefined, { kmsKeyId = "" }: FoundSecret, own: Stage): string | undefined {
  const isAwsOwn = kmsKeyId === "" || kmsKeyId.endsWith("alias/aws/secretsmanager");
  if (declared === undefined) {
    return isAwsOwn ? undefined : `the secret's values are under the key ${kmsKeyId}: give that key's full ARN`;
  }
  const key = parseKeyArn(declared);
  if (key === undefined || key.account === own.account || isUnder(kmsKeyId, declared, key)) return undefined;
  const is = isAwsOwn ? "AWS's own key" : `the key ${kmsKeyId}`;
  return `is a key of account ${key.account}, and the secret's values are under ${is}: give that one's ARN, or none for AWS's own`;
}

/** Another account's key is told by its ARN or by its alias's. */
function isUnder(kmsKeyId: string, declared: string, { account }: Place): boolean {
  const told = parseArn(kmsKeyId);
  return kmsKeyId === declared || (told?.account === account && told.resource.startsWith("alias/"));
}

function problemsOfGate({ mode }: Policy, { rotationFunctionArn = "" }: FoundSecret, own: Stage): readonly Problem[] {
  const rotatedBy = rotationFunctionArn.split(":function:")[1] ?? "";
  if (mode !== "native" || own.gates.includes(rotatedBy) || !own.anyGate.test(rotatedBy)) return [];
  return [
    [["secretId"], `${rotatedBy} rotates this secret: take it out of that stage, deploy that, and then this one`],
  ];
}
