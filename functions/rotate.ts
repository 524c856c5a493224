import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import { clientConfiguration } from "../core/aws.ts";
import { readEnvironment } from "../core/env.ts";
import { defineHandler } from "../core/handler.ts";
import { evidence } from "../core/outcome.ts";
import { forStage, parsePolicies } from "../core/policies.ts";
import { rotate } from "../core/steps/rotate.ts";
import config from "../rotation.config.ts";

const client = new SecretsManagerClient(clientConfiguration);
const sfn = new SFNClient(clientConfiguration);

// AWS's rotation contract, and what the workflow knows besides.
const step = {
  SecretId: z.string().check(z.startsWith("arn:")),
  ClientRequestToken: z.string().check(z.minLength(32), z.maxLength(64)),
  secretName: z.string(),
  mode: z.enum(["native", "driven", "observed"]),
  base: z.nullable(z.string()),
  previous: z.nullable(z.string()),
  retries: z.int().check(z.minimum(0)),
};
const input = z.discriminatedUnion("Step", [
  z.strictObject({ Step: z.enum(["createSecret", "testSecret"]), ...step }),
  z.strictObject({ Step: z.enum(["setSecret", "finishSecret"]), ...step, waitedMs: z.number().check(z.minimum(0)) }),
  z.strictObject({
    Step: z.literal("confirmEvidence"),
    ...step,
    evidence: z.array(evidence),
    since: z.iso.datetime(),
    final: z.boolean(),
  }),
]);

/** The four steps and the look at the target's sessions. Invoked by the workflow only. */
export const handler = defineHandler(
  "rotate",
  input,
  ({ Step, SecretId, ClientRequestToken, retries }) => ({
    step: Step,
    secretArn: SecretId,
    token: ClientRequestToken,
    retries,
  }),
  async (event) => {
    const environment = readEnvironment("rotate");
    const account = {
      client,
      sfn,
      stateMachineArn: environment.STATE_MACHINE_ARN,
      engine: environment.ENGINE,
      policies: forStage(parsePolicies(config), environment.STAGE),
      targetTimeoutMs: environment.TARGET_TIMEOUT_MS,
    };
    return rotate(account, event);
  },
);
