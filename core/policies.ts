import * as z from "zod/mini";
import { policyField } from "./config-field.ts";
import { RotationError } from "./errors.ts";
import { parse } from "./parse.ts";
import { type Policy, type PolicyInput, policy, worstCaseSeconds } from "./policy.ts";

export type { DependentPolicy, Policy, PolicyInput } from "./policy.ts";

/** For `rotation.config.ts`: types the entries in the editor. They are validated where they are read. */
export function definePolicies(entries: readonly PolicyInput[]): readonly PolicyInput[] {
  return entries;
}

/** By the configuration itself, which is part of a function's bundle: each environment validates it once. */
const validated = new WeakMap<object, readonly Policy[]>();

/**
 * Validates a configuration as a whole, those of other stages too, so that a mistake in one entry is known before any secret is
 * touched. The same object is validated once.
 *
 * @throws RotationError ConfigurationInvalid: names the field, what it is and what is allowed
 */
export function parsePolicies(input: unknown): readonly Policy[] {
  const known = typeof input === "object" && input !== null ? validated.get(input) : undefined;
  if (known !== undefined) return known;
  const parsed = parse(policies, input, (path) => policyField(input, path));
  if (parsed.success) {
    validated.set(input as object, parsed.data);
    return parsed.data;
  }
  throw new RotationError(
    "ConfigurationInvalid",
    `rotation.config is not valid. ${parsed.problems} Nothing was touched.`,
  );
}

/** The policies that one deployment stage has: those that name it, and those that name none. */
export function forStage(all: readonly Policy[], stage: string): readonly Policy[] {
  return all.filter((each) => isOfStage(each, stage));
}

export function isOfStage({ stages }: Policy, stage: string): boolean {
  return stages === undefined || stages.includes(stage);
}

/** The policy of a secret, by its name or full ARN; undefined when there is none. */
export function policyFor(
  all: readonly Policy[],
  secret: { readonly arn: string; readonly name: string },
): Policy | undefined {
  return all.find((each) => each.secretId === secret.arn || each.secretId === secret.name);
}

/** Warnings that do not stop a rotation: a native rotation of over 9 minutes leaves Secrets Manager little room to wait. */
export function policyWarnings(one: Policy): readonly string[] {
  const worst = worstCaseSeconds(one);
  if (one.mode !== "native" || worst <= 9 * 60) return [];
  return [
    `${one.secretId}: the worst case of a native rotation is ${worst} s; over 540 s Secrets Manager may give up while the workflow goes on`,
  ];
}

// --- internal ---

const policies = z
  .array(policy, {
    error: ({ input }) =>
      `must be a list of policies, and is ${input === undefined ? "missing" : "none"}: write "export default definePolicies([...])"`,
  })
  .check(
    z.superRefine((all, context) => {
      for (const [index, { secretId, stages }] of all.entries()) {
        const first = all.findIndex((other) => other.secretId === secretId && overlap(other.stages, stages));
        if (first === index) continue;
        context.addIssue({ code: "custom", path: [index, "secretId"], message: sameSecret(first) });
      }
    }),
  );

function overlap(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one === undefined || other === undefined || one.some((stage) => other.includes(stage));
}

/** What is wrong with an entry whose secret has one already, in the same stage. */
export function sameSecret(first: number): string {
  return `policies[${first}] is for the same secret, in the same stage: leave one of them, or give them stages that differ`;
}
