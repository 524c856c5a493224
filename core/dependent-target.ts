import type { DependentKind } from "./dependents/dependent.ts";
import { findKind, kindNames } from "./dependents/registry.ts";
import { RotationError } from "./errors.ts";
import { parse } from "./parse.ts";
import type { DependentPolicy } from "./policies.ts";

/**
 * The kind of a dependent, and its target as that kind understands it.
 * @throws RotationError ConfigurationInvalid for an unknown kind, naming those that there are, or a target that is not of the kind's shape
 */
export function readTarget(dependent: DependentPolicy): { readonly kind: DependentKind; readonly target: unknown } {
  const kind = findKind(dependent.kind);
  if (kind === undefined) {
    throw new RotationError(
      "ConfigurationInvalid",
      `Dependent ${dependent.name}: there is no kind "${dependent.kind}"; there are: ${kindNames.join(", ")}.`,
    );
  }
  const parsed = parse(kind.target, dependent.target);
  if (parsed.success) return { kind, target: parsed.data };
  throw new RotationError("ConfigurationInvalid", `Dependent ${dependent.name}, its target: ${parsed.problems}`);
}
