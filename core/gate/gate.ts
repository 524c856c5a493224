import * as z from "zod/mini";
import { startRotation } from "../start-rotation.ts";
import type { Gate, GateCall } from "./call.ts";
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
  SecretId: z.string().check(z.minLength(1)),
  ClientRequestToken: z.string().check(z.minLength(32), z.maxLength(64)),
  RotationToken: z.optional(z.string()),
});
export type GateEvent = z.infer<typeof gateEvent>;

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
