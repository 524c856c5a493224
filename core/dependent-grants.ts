import { readTarget } from "./dependent-target.ts";
import type { Arn, DependentAction } from "./dependents/dependent.ts";
import type { Policy } from "./policies.ts";

/** A statement that allows something, as far as IAM tells statements apart. */
export interface DependentGrant {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly condition?: ReturnType<NonNullable<DependentAction["when"]>>;
}

/**
 * What the function that speaks to dependents may call: the actions of each dependent's kind, on what its target names, and nothing
 * else. As few statements as that can be said with: a role's policy is short. Pure.
 *
 * @param arn an ARN where the policies are deployed to
 * @throws RotationError ConfigurationInvalid: a dependent of an unknown kind, or with a target that is not of its kind's shape
 */
export function dependentGrants(policies: readonly Policy[], arn: Arn): readonly DependentGrant[] {
  const rights = policies.flatMap(({ dependents }) => dependents).flatMap((dependent) => rightsOf(dependent, arn));
  // Two actions on one resource are one statement, and so are the same actions on two resources.
  const byResource = groupBy(rights, ({ resource, condition }) => JSON.stringify([resource, condition]));
  const named = byResource.map((same) => ({ ...same[0], actions: distinct(same.map(({ action }) => action)) }));
  return groupBy(named, ({ actions, condition }) => JSON.stringify([actions, condition])).map((same) => {
    const [{ actions, condition }] = same;
    const resources = distinct(same.map(({ resource }) => resource));
    return { actions, resources, ...(condition === undefined ? {} : { condition }) };
  });
}

// --- internal ---

interface Right {
  readonly action: string;
  readonly resource: string;
  readonly condition: DependentGrant["condition"];
}

function rightsOf(dependent: Policy["dependents"][number], arn: Arn): readonly Right[] {
  const { kind, target } = readTarget(dependent);
  return (kind.actions ?? []).flatMap(({ action, on, when }) =>
    on(target, arn).map((resource) => ({ action, resource, condition: when?.(target, arn) })),
  );
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): readonly (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

function distinct(all: readonly string[]): readonly string[] {
  return [...new Set(all)];
}
