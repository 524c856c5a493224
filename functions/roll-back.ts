import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import { clientConfiguration } from "../core/aws.ts";
import type { Target } from "../core/credentials.ts";
import { readEnvironment } from "../core/env.ts";
import { RotationError } from "../core/errors.ts";
import { freeze } from "../core/freeze.ts";
import { defineHandler } from "../core/handler.ts";
import { forStage, parsePolicies, policyFor } from "../core/policies.ts";
import { measureCurrent } from "../core/reconcile/measure.ts";
import { rollBack } from "../core/roll-back.ts";
import { requireStrategy } from "../core/steps/rotate.ts";
import { discard } from "../core/versions/discard.ts";
import config from "../rotation.config.ts";

const client = new SecretsManagerClient(clientConfiguration);
const sfn = new SFNClient(clientConfiguration);

const common = {
  secretArn: z.string().check(z.startsWith("arn:")),
  token: z.string().check(z.minLength(32), z.maxLength(64)),
};
const input = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("discard"), ...common }),
  z.strictObject({
    action: z.literal("freeze"),
    ...common,
    secretName: z.nullable(z.string()),
    retries: z.int().check(z.minimum(0)),
  }),
  z.strictObject({ action: z.literal("measure"), ...common, secretName: z.string() }),
  z.strictObject({
    action: z.literal("rollBack"),
    ...common,
    secretName: z.string(),
    base: z.string(),
    previous: z.nullable(z.string()),
    mayRollBack: z.boolean(),
    mode: z.enum(["native", "driven", "observed"]),
    startedAt: z.iso.datetime(),
    nowMs: z.number(),
    retries: z.int().check(z.minimum(0)),
  }),
]);

/**
 * Compensation: puts target and labels back, or takes an unused candidate away, or freezes the secret. And, asked by reconcile,
 * which reads no value, tries whether AWSCURRENT signs in.
 */
export const handler = defineHandler(
  "roll-back",
  input,
  ({ action, secretArn, token }) => ({ action, secretArn, token }),
  async (step) => {
    const environment = readEnvironment("roll-back");
    const { secretArn, token } = step;
    if (step.action === "discard") {
      const secret = await discard(client, { secretArn, token, gateFunctionArn: environment.GATE_FUNCTION_ARN });
      return { labels: secret?.labels ?? null };
    }
    const { secretName } = step;
    const findTarget = async (): Promise<Target> => {
      const policy = policyFor(forStage(parsePolicies(config), environment.STAGE), {
        arn: secretArn,
        name: secretName ?? "",
      });
      if (policy === undefined) {
        throw new RotationError(
          "ConfigurationInvalid",
          `No policy of rotation.config names ${secretName} in this stage (any more).`,
        );
      }
      return {
        client,
        strategy: requireStrategy(policy, environment.ENGINE),
        secretArn,
        token,
        policy,
        timeoutMs: environment.TARGET_TIMEOUT_MS,
      };
    };
    if (step.action === "measure") return measureCurrent(await findTarget());
    if (step.action === "freeze") return freeze({ client, secretArn, token, retries: step.retries }, findTarget);
    const restored = await rollBack({
      target: await findTarget(),
      secretArn,
      token,
      base: step.base,
      previous: step.previous ?? undefined,
      mayRollBack: step.mayRollBack,
      retries: step.retries,
      observed:
        step.mode === "observed"
          ? {
              startedMs: Date.parse(step.startedAt),
              nowMs: step.nowMs,
              sfn,
              stateMachineArn: environment.STATE_MACHINE_ARN,
            }
          : undefined,
      confirmPauseMs: environment.CONFIRM_PAUSE_MS,
    });
    return { ...restored, signedInAt: restored.signedInAt.toISOString() };
  },
);
