import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import * as z from "zod/mini";
import { clientConfiguration } from "../core/aws.ts";
import { readEnvironment } from "../core/env.ts";
import { defineHandler } from "../core/handler.ts";
import { lookAtDependents } from "../core/plan-dependents.ts";
import { forStage, parsePolicies, policyFor } from "../core/policies.ts";
import { signingKeyReader } from "../core/signing-key.ts";
import { stepDependent } from "../core/steps/dependents.ts";
import config from "../rotation.config.ts";

const readKey = signingKeyReader(new SecretsManagerClient(clientConfiguration));

const version = {
  secretArn: z.string().check(z.startsWith("arn:")),
  secretName: z.string(),
  versionId: z.string(),
};
const input = z.discriminatedUnion("action", [
  z.strictObject({
    action: z.enum(["probe", "refresh", "verify"]),
    dependent: z.string(),
    ...version,
    final: z.boolean(),
    judged: z.boolean(),
  }),
  // Plan's question about all of them.
  z.strictObject({ action: z.literal("baseline"), ...version }),
]);

/**
 * Probe, refresh and verify of one dependent, and Plan's look at all of them. Reads no secret but keys for signing, so that a
 * dependent's address leads nowhere near one that is rotated.
 */
export const handler = defineHandler(
  "dependents",
  input,
  (step) => ({ ...step }),
  async (step, context) => {
    const policies = forStage(parsePolicies(config), readEnvironment("dependents").STAGE);
    if (step.action === "baseline") {
      const secret = { arn: step.secretArn, name: step.secretName };
      return lookAtDependents(policyFor(policies, secret) ?? { dependents: [] }, secret, step.versionId);
    }
    const signal = AbortSignal.timeout(Math.max(1000, context.getRemainingTimeInMillis() - 2000));
    return stepDependent(policies, step, signal, { readKey });
  },
);
