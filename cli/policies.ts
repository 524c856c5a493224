import { RotationError } from "../core/errors.ts";
import type { Policy } from "../core/policies.ts";
import type { Clients } from "./clients.ts";
import type { Deployment } from "./deployment.ts";
import { askFunction } from "./functions.ts";

/**
 * The policies that are deployed: the function plan is asked for them, so that what is said here is what Rotor goes by. It has
 * validated them and filled in their defaults, of which some may not be written into a configuration: they are not validated again.
 *
 * @throws RotationError AccessDenied (lambda:InvokeFunction on it), Throttled, ServiceUnavailable; what plan throws
 */
export async function readPolicies({ lambda }: Clients, deployment: Deployment): Promise<readonly Policy[]> {
  const answer = await askFunction(lambda, deployment.functionArn("plan"), { ask: "policies" });
  const { policies } = Object(answer) as { readonly policies?: unknown };
  if (Array.isArray(policies) && policies.every(isPolicy)) return policies;
  throw new RotationError(
    "InternalError",
    "Function plan did not say what its policies are: it is of another release.",
  );
}

// --- internal ---

function isPolicy(each: unknown): each is Policy {
  const { secretId, mode, dependents } = Object(each) as Partial<Record<keyof Policy, unknown>>;
  return typeof secretId === "string" && typeof mode === "string" && Array.isArray(dependents);
}
