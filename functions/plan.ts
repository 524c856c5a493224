import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { z } from "zod";
import { clientConfiguration } from "../core/aws.ts";
import { readEnvironment } from "../core/env.ts";
import { defineHandler } from "../core/handler.ts";
import { plan, rotationInput } from "../core/plan.ts";
import { parsePolicies, policyWarnings } from "../core/policies.ts";
import config from "../rotation.config.ts";

const client = new SecretsManagerClient(clientConfiguration);
const sfn = new SFNClient(clientConfiguration);

const input = z.strictObject({ rotation: rotationInput, nowMs: z.number() });

/** First state of the workflow: decides what to do, and records the state before. Reads no value. */
export const handler = defineHandler(
  "plan",
  input,
  ({ rotation }) => ({ ...rotation }),
  async ({ rotation, nowMs }, context, warn) => {
    const { STATE_MACHINE_ARN } = readEnvironment("plan");
    const region = context.invokedFunctionArn.split(":")[3] ?? "";
    const policies = parsePolicies(config);
    for (const message of policies.flatMap(policyWarnings)) warn(message);
    return plan({ client, sfn, stateMachineArn: STATE_MACHINE_ARN, region, policies, nowMs }, rotation);
  },
);
