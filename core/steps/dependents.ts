import { readTarget } from "../dependent-target.ts";
import type { DependentTools, SecretChange } from "../dependents/dependent.ts";
import { RotationError } from "../errors.ts";
import type { DependentEvidence } from "../outcome.ts";
import { type Policy, policyFor } from "../policies.ts";
import { mayName } from "../secret-names.ts";

export interface DependentStep {
  readonly action: "probe" | "refresh" | "verify";
  readonly dependent: string;
  readonly secretArn: string;
  readonly secretName: string;
  readonly versionId: string;
  /** Verify: the deadline is over, so "not ready" becomes "unhealthy". */
  readonly final: boolean;
  /** Whether its failure counts: after a rollback, one that was unhealthy before is reported, not judged. */
  readonly judged: boolean;
}

/**
 * One step with one dependent. May be repeated.
 * @param tools what the function may do for a kind
 * @throws RotationError DependentNotReady (ask again), and what else a kind throws: see dependents/dependent.ts.
 *   One that is not judged never throws for its own state: its evidence says "none". An optional one is waited for like any
 *   other, and then says "none", too.
 */
export async function stepDependent(
  policies: readonly Policy[],
  step: DependentStep,
  signal: AbortSignal,
  tools: DependentTools = {},
): Promise<DependentEvidence> {
  const policy = policyFor(policies, { arn: step.secretArn, name: step.secretName });
  const dependent = policy?.dependents.find((each) => each.name === step.dependent);
  // Taken out of the policy meanwhile: nobody has to follow any more.
  if (dependent === undefined) {
    return { dependent: step.dependent, strength: "none", seen: "it is not in the policy any more" };
  }
  const { kind, target } = readTarget(dependent);
  const change: SecretChange = { secretArn: step.secretArn, secretName: step.secretName, versionId: step.versionId };
  const counts = dependent.required && step.judged;
  const lent = withoutRotated(tools, policies);
  try {
    switch (step.action) {
      case "probe":
        await kind.probe?.(target, change, signal, lent);
        return { dependent: step.dependent, strength: "weak", seen: "signed in with the candidate before promotion" };
      case "refresh":
        await kind.refresh?.(target, change, signal, lent);
        return {
          dependent: step.dependent,
          strength: "none",
          seen: kind.refresh ? "accepted the refresh" : "is not refreshed by us",
        };
      case "verify":
        return { dependent: step.dependent, ...(await kind.verify(target, change, signal)) };
    }
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const waits = error.name === "DependentNotReady" && !step.final && step.judged;
    if (!counts && !waits) return { dependent: step.dependent, strength: "none", seen: error.message };
    const late = error.name === "DependentNotReady" && step.final;
    const name = late ? "DependentUnhealthy" : error.name;
    const message = `${step.dependent}${late ? " did not follow in time" : ""}: ${error.message}`;
    throw new RotationError(name, message, { cause: error });
  }
}

/** Whatever a policy names as the key for signing: a secret of a policy, or an administrator's, is none, and not for this function. */
function withoutRotated({ readKey }: DependentTools, policies: readonly Policy[]): DependentTools {
  if (readKey === undefined) return {};
  return {
    readKey: async (secretId, signal) => {
      const others = policies.flatMap((each) => [each.secretId, each.administratorSecretId ?? []].flat());
      if (!others.some((each) => mayName(each, secretId))) return readKey(secretId, signal);
      throw new RotationError(
        "ConfigurationInvalid",
        `The key for signing, ${secretId}, is a secret that a policy is for, or an administrator's: give it a secret of its own, which no policy names besides.`,
      );
    },
  };
}
