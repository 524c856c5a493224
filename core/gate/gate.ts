import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { requirePolicy } from "../check-secret.ts";
import type { Target } from "../credentials.ts";
import { RotationError } from "../errors.ts";
import type { Policy } from "../policies.ts";
import { startRotation } from "../start-rotation.ts";
import { findStrategy } from "../strategies/registry.ts";
import { describeSecret } from "../versions/secret.ts";
import { gateCreateSecret } from "./create-secret.ts";
import { gateFinishSecret } from "./finish-secret.ts";
import { gateTestSecret } from "./test-secret.ts";

const STEPS = {
  createSecret: "createSecret",
  setSecret: "setSecret",
  testSecret: "testSecret",
  finishSecret: "finishSecret",
  // One page of the user guide lists the steps in this form; real calls use the other (secrets-manager-rotation 2.1).
  create_secret: "createSecret",
  set_secret: "setSecret",
  test_secret: "testSecret",
  finish_secret: "finishSecret",
} as const;

/** What Secrets Manager calls a rotation function with. */
export const gateEvent = z.looseObject({
  Step: z.enum(Object.keys(STEPS) as (keyof typeof STEPS)[]),
  SecretId: z.string().min(1),
  ClientRequestToken: z.string().min(32).max(64),
  RotationToken: z.string().optional(),
});
export type GateEvent = z.infer<typeof gateEvent>;

export interface Gate {
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  readonly region: string;
  readonly policies: readonly Policy[];
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

/**
 * The secret's rotation function. Secrets Manager calls it four times, in order, and nothing can be put between; so it
 * starts the workflow in setSecret, waits for it in testSecret, and lets Secrets Manager's own status become what the
 * workflow's outcome is. Secrets Manager repeats the whole rotation after an error: every step may be repeated.
 *
 * @throws RotationError always means: this attempt has failed. See each step.
 */
export async function gate(gate: Gate, event: GateEvent): Promise<void> {
  const call: GateCall = {
    ...gate,
    secretArn: event.SecretId,
    token: event.ClientRequestToken,
    rotationToken: event.RotationToken,
  };
  switch (STEPS[event.Step]) {
    case "createSecret":
      return gateCreateSecret(call);
    case "setSecret":
      // The rule on RotationStarted does the same; this is the guarantee.
      await startRotation(call.sfn, call.stateMachineArn, {
        secretArn: call.secretArn,
        token: call.token,
        mode: "native",
      });
      return;
    case "testSecret":
      return gateTestSecret(call);
    case "finishSecret":
      return gateFinishSecret(call);
  }
}

/** The secret, its policy and how to reach its target. @throws RotationError ConfigurationInvalid, SecretNotFound and others */
export async function readTargetOf(call: GateCall) {
  const secret = await describeSecret(call.client, call.secretArn);
  const policy = requirePolicy(call.policies, secret);
  const strategy = policy.strategy === undefined ? undefined : findStrategy(policy.strategy);
  if (policy.mode !== "native" || strategy === undefined) {
    throw new RotationError(
      "ConfigurationInvalid",
      `${secret.name}: Secrets Manager calls this function, so its policy needs mode "native" (it is "${policy.mode}") and a known strategy (it is "${policy.strategy ?? "not set"}").`,
    );
  }
  const target: Target = {
    client: call.client,
    strategy,
    secretArn: secret.arn,
    token: call.token,
    timeoutMs: call.targetTimeoutMs,
  };
  return { secret, policy, target };
}
