import { httpEndpoint } from "./dependents/http-endpoint.ts";
import { type HttpEndpoint, httpTarget } from "./dependents/http-target.ts";
import { parse } from "./parse.ts";
import type { DependentPolicy } from "./policies.ts";

/** The key that requests to a dependent are signed with: its secret, by its name or ARN, and what encrypts that. */
export type Signing = NonNullable<HttpEndpoint["signing"]>;

/** Undefined where requests are not signed, and where the target is not of its kind's shape. Pure. */
export function signingOf({ kind, target }: DependentPolicy): Signing | undefined {
  if (kind !== httpEndpoint.kind) return undefined;
  const parsed = parse(httpTarget, target);
  return parsed.success ? parsed.data.signing : undefined;
}

/** The dependent with its key's secret by another id; one whose requests are not signed as it is. Pure. */
export function withSigningSecret(dependent: DependentPolicy, idOf: (secretId: string) => string): DependentPolicy {
  const signing = signingOf(dependent);
  if (signing === undefined) return dependent;
  const target = { ...(dependent.target as object), signing: { ...signing, secretId: idOf(signing.secretId) } };
  return { ...dependent, target };
}
