import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import type { Target } from "../credentials.ts";
import { engineOf } from "../deployed-functions.ts";
import type { Engine } from "../engines.ts";
import { RotationError } from "../errors.ts";
import type { DependentEvidence } from "../outcome.ts";
import { type Policy, policyFor } from "../policies.ts";
import { findStrategy, strategyNames } from "../strategies/registry.ts";
import { hasOverlap, type RotationStrategy } from "../strategies/strategy.ts";
import { confirmDependents } from "./confirm-dependents.ts";
import { createSecret } from "./create-secret.ts";
import { finishSecret } from "./finish-secret.ts";
import { setSecret } from "./set-secret.ts";
import { testSecret } from "./test-secret.ts";

export interface RotateAccount {
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  /** The kind of target that this function has the driver for. */
  readonly engine: Engine;
  readonly policies: readonly Policy[];
  readonly targetTimeoutMs: number;
}

interface Common {
  readonly SecretId: string;
  readonly ClientRequestToken: string;
  readonly secretName: string;
  readonly mode: "native" | "driven" | "observed";
  readonly base: string | null;
  readonly previous: string | null;
  readonly retries: number;
}

export type RotateStep =
  | (Common & { readonly Step: "createSecret" | "testSecret" })
  /** How long ago the step was begun, over all its attempts, in milliseconds. */
  | (Common & { readonly Step: "setSecret" | "finishSecret"; readonly waitedMs: number })
  | (Common & {
      readonly Step: "confirmEvidence";
      readonly evidence: readonly DependentEvidence[];
      readonly since: string;
      readonly final: boolean;
    });

/**
 * One step of the workflow that needs a credential or moves AWSCURRENT. Returns ids, labels, times and remarks for people only.
 * @throws RotationError what the step throws
 */
export async function rotate(account: RotateAccount, step: RotateStep): Promise<Record<string, unknown>> {
  const policy = policyFor(account.policies, { arn: step.SecretId, name: step.secretName });
  if (policy === undefined) {
    throw new RotationError(
      "ConfigurationInvalid",
      `No policy of rotation.config names ${step.secretName} in this stage (any more).`,
    );
  }
  if (step.Step === "confirmEvidence") {
    const strategy = policy.strategy === undefined ? undefined : requireStrategy(policy, account.engine);
    const target = strategy === undefined ? undefined : targetOf(account, step, strategy, policy);
    return { evidence: await confirmDependents({ target, policy, ...step, since: new Date(step.since) }) };
  }
  const { mode, base, retries } = step;
  if (mode === "observed" || base === null) {
    throw new RotationError("InternalError", `${step.Step} was asked for in mode ${mode} with base ${base}.`);
  }
  const strategy = requireStrategy(policy, account.engine);
  const target = targetOf(account, step, strategy, policy);
  switch (step.Step) {
    case "createSecret":
      await createSecret({
        target,
        policy,
        base,
        mode,
        retries,
        sfn: account.sfn,
        stateMachineArn: account.stateMachineArn,
      });
      return { overlap: hasOverlap(strategy) };
    case "setSecret": {
      // Before the first attempt, whose reply may be lost. Where both credentials work, nothing stops working then.
      const changedAt = hasOverlap(strategy) ? null : new Date(Date.now() - step.waitedMs).toISOString();
      const remarks = await setSecret({ target, base, previous: step.previous ?? undefined, retries });
      return { changedAt, remarks };
    }
    case "testSecret":
      return { signedInAt: (await testSecret(target, retries)).toISOString() };
    case "finishSecret": {
      const { client } = account;
      const done = await finishSecret({
        waitedMs: step.waitedMs,
        client,
        secretArn: step.SecretId,
        token: step.ClientRequestToken,
        base,
        mode,
        retries,
      });
      return { labels: done.labels, promotedAt: done.promotedAt.toISOString(), liveAt: new Date().toISOString() };
    }
  }
}

/**
 * The strategy that a policy names.
 * @param engine the kind of target that the calling function has the driver for
 * @throws RotationError ConfigurationInvalid for one that does not exist, naming those that do, and for one of another engine
 */
export function requireStrategy(policy: Policy, engine: Engine): RotationStrategy {
  const strategy = findStrategy(policy.strategy ?? "");
  if (strategy !== undefined) {
    const needed = engineOf(policy);
    if (needed === engine) return strategy;
    throw new RotationError(
      "ConfigurationInvalid",
      `${policy.secretId}: strategy "${strategy.name}" is for ${needed}, and this function for ${engine}: the policy's strategy was changed while a rotation was running, or its rotation function is another engine's. Let the rotation end, deploy, and ask again. Nothing was touched by this step.`,
    );
  }
  throw new RotationError(
    "ConfigurationInvalid",
    `${policy.secretId}: there is no strategy "${policy.strategy ?? ""}"; there are: ${strategyNames.join(", ")}. Nothing was touched.`,
  );
}

function targetOf(account: RotateAccount, step: Common, strategy: RotationStrategy, policy: Policy): Target {
  return {
    client: account.client,
    strategy,
    secretArn: step.SecretId,
    token: step.ClientRequestToken,
    policy,
    timeoutMs: account.targetTimeoutMs,
  };
}
