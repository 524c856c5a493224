import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { requirePolicy } from "../check-secret.ts";
import type { Target } from "../credentials.ts";
import type { Engine } from "../engines.ts";
import { RotationError } from "../errors.ts";
import type { Policy } from "../policies.ts";
import { requireStrategy } from "../steps/rotate.ts";
import { describeSecret } from "../versions/secret.ts";

export interface Gate {
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  readonly region: string;
  /** The kind of target that this function has the driver for. */
  readonly engine: Engine;
  /** Digest of the workflow's definition, for rehearsals. */
  readonly definition: string;
  /** The policies, validated only when a step needs them: a placeholder is tidied up where they are invalid, too. */
  readonly readPolicies: () => readonly Policy[];
  /** How long one connection attempt or statement at the target may take, in milliseconds. */
  readonly targetTimeoutMs: number;
  /** The first pause between two looks at the execution, in milliseconds. */
  readonly firstPauseMs: number;
  /** What is left of this invocation, in milliseconds. */
  readonly remainingMs: () => number;
}

/** One call of Secrets Manager, with what every step needs. */
export interface GateCall extends Gate {
  readonly secretArn: string;
  readonly token: string;
  readonly rotationToken?: string;
}

/** The secret, its policy and how to reach its target. @throws RotationError ConfigurationInvalid, SecretNotFound and others */
export async function readTargetOf(call: GateCall) {
  const secret = await describeSecret(call.client, call.secretArn);
  const policy = requirePolicy(call.readPolicies(), secret);
  if (policy.mode === "observed") {
    throw new RotationError(
      "ConfigurationInvalid",
      `${secret.name}: Secrets Manager calls this function, so its policy needs mode "native" or "driven" (it is "observed").`,
    );
  }
  const target: Target = {
    client: call.client,
    strategy: requireStrategy(policy, call.engine),
    secretArn: secret.arn,
    token: call.token,
    policy,
    timeoutMs: call.targetTimeoutMs,
  };
  return { secret, policy, target };
}
