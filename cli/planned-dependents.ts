import { readTarget } from "../core/dependent-target.ts";
import type { Arn, DependentMethod } from "../core/dependents/dependent.ts";
import type { DependentPolicy, Policy } from "../core/policies.ts";
import type { PlannedCall, PlannedStep } from "./planned-calls.ts";

/**
 * A step with each dependent of the policy that has a part in it, as the function `dependents` makes it: what each is asked, and what
 * that asks AWS for, by what its kind says. None where no dependent has a part.
 *
 * @param methods in the order in which they are asked
 * @throws RotationError ConfigurationInvalid: a dependent of a kind that this release does not know
 */
export function dependentStep(
  step: string,
  methods: readonly DependentMethod[],
  { dependents }: Pick<Policy, "dependents">,
  arn: Arn,
): readonly PlannedStep[] {
  const parts = dependents.flatMap((dependent) => {
    const own = methods.filter((method) => hasPart(dependent, method));
    return own.length === 0 ? [] : [{ dependent, own }];
  });
  if (parts.length === 0) return [];
  return [
    {
      step,
      by: "dependents",
      asks: parts.map(({ dependent: { name, kind }, own }) => `${name} (${kind}): ${own.join(", ")}`),
      calls: parts.flatMap(({ dependent, own }) => callsOf(dependent, own, arn)),
    },
  ];
}

// --- internal ---

function hasPart(dependent: DependentPolicy, method: DependentMethod): boolean {
  const { kind, target } = readTarget(dependent);
  if (kind[method] === undefined) return false;
  return method !== "probe" || kind.canProbe === undefined || kind.canProbe(target);
}

function callsOf(dependent: DependentPolicy, methods: readonly DependentMethod[], arn: Arn): readonly PlannedCall[] {
  const { kind, target } = readTarget(dependent);
  return (kind.actions ?? [])
    .filter(({ during }) => during === undefined || during(target).some((method) => methods.includes(method)))
    .flatMap(({ action, on }) =>
      on(target, arn).map((resource) => ({ action, on: `${resource}: dependent ${dependent.name}` })),
    );
}
