import { problemOfSecretId } from "./check-secret-id.ts";
import { signingOf } from "./dependent-signing.ts";
import { readTarget } from "./dependent-target.ts";
import { databaseSessions } from "./dependents/database-sessions.ts";
import { ecsService } from "./dependents/ecs-service.ts";
import { lambdaFunction } from "./dependents/lambda-function.ts";
import { RotationError } from "./errors.ts";
import { problemOfKeyArn } from "./key-arn.ts";
import type { Path } from "./parse.ts";
import { elsewhere, type Place, parseArn } from "./place.ts";
import type { DependentPolicy, Policy } from "./policies.ts";

type Problem = readonly [path: Path, problem: string];

/** What of a policy's dependents cannot work where it is deployed to, by its place in the policy, and what to do about it. Pure. */
export function problemsOfDependents({ dependents, mode, strategy }: Policy, here: Place): readonly Problem[] {
  return dependents.flatMap((dependent, index) => {
    const problems = [
      ...problemsOfTarget(dependent, here),
      ...problemsOfSigning(dependent, here),
      ...problemsOfEvidence(dependent, { canConfirm: mode !== "observed" || strategy !== undefined }),
    ];
    return problems.map(([path, problem]): Problem => [["dependents", index, ...path], problem]);
  });
}

// --- internal ---

function problemsOfTarget(dependent: DependentPolicy, here: Place): readonly Problem[] {
  // First: what the kind says of an ARN does not say where it leads.
  const arns = arnsIn(dependent, here);
  if (arns.length > 0) return arns;
  try {
    readTarget(dependent);
    return [];
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return [[[], error.message.replace(/\.$/, "")]];
  }
}

/** The fields that name something of AWS, by kind. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  [ecsService.kind]: ["cluster", "service"],
  [lambdaFunction.kind]: ["functionName"],
};

/** Its client knows one account and one Region: what is elsewhere cannot be reached, whatever it is called. */
function arnsIn({ kind, target }: DependentPolicy, here: Place): readonly Problem[] {
  const values = Object(target) as Readonly<Record<string, unknown>>;
  return (NAMES[kind] ?? []).flatMap((field): Problem[] => {
    const value = values[field];
    const arn = typeof value === "string" ? parseArn(value) : undefined;
    if (arn === undefined) return [];
    const name = (arn.service === "lambda" ? arn.resource.split(":")[1] : arn.resource.split("/").at(-1)) ?? "";
    const fix = `Rotor reaches a dependent of kind ${kind} only where it is deployed: deploy Rotor there for it, and write "${name}"`;
    const wrong = elsewhere(arn, here, ["partition", "account", "region"], fix);
    return [
      [["target", field], wrong ?? `a dependent of kind ${kind} is given by names, not by an ARN: write "${name}"`],
    ];
  });
}

function problemsOfSigning(dependent: DependentPolicy, here: Place): readonly Problem[] {
  const signing = signingOf(dependent);
  if (signing === undefined) return [];
  const { secretId, kmsKeyArn } = signing;
  const id = problemOfSecretId(secretId, here);
  const key = kmsKeyArn === undefined ? undefined : problemOfKeyArn(kmsKeyArn, here);
  return [
    ...(id === undefined ? [] : [[["target", "signing", "secretId"], id] as const]),
    ...(key === undefined ? [] : [[["target", "signing", "kmsKeyArn"], key] as const]),
  ];
}

function problemsOfEvidence(
  { kind, required, evidence }: DependentPolicy,
  { canConfirm }: { readonly canConfirm: boolean },
): readonly Problem[] {
  const problems: Problem[] = [];
  if (kind === databaseSessions.kind && required && evidence === "weak") {
    problems.push([
      ["evidence"],
      'is "weak", which it has without having done anything, as nobody asks it: write "strong", or "required: false" to have it reported',
    ]);
  }
  if (!canConfirm && evidence === "strong") {
    problems.push([
      ["evidence"],
      'is "strong", and without a strategy no target can be asked for it: write "weak", or name the strategy',
    ]);
  }
  return problems;
}
