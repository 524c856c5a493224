import { LambdaClient } from "@aws-sdk/client-lambda";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import { clientConfiguration } from "../core/aws.ts";
import { FUNCTIONS } from "../core/blueprint.ts";
import { readEnvironment } from "../core/env.ts";
import { defineHandler, type InvocationContext } from "../core/handler.ts";
import { plan } from "../core/plan.ts";
import { forStage, parsePolicies, policyWarnings } from "../core/policies.ts";
import { rotationInput } from "../core/rotation-input.ts";
import config from "../rotation.config.ts";

const client = new SecretsManagerClient(clientConfiguration);
const sfn = new SFNClient(clientConfiguration);
// An Invoke answers when the function has ended. It is not repeated here: a second one would not fit into the time.
const lambda = new LambdaClient({
  maxAttempts: 1,
  requestHandler: {
    ...clientConfiguration.requestHandler,
    requestTimeout: (FUNCTIONS.dependents.timeoutSeconds + 5) * 1000,
  },
});

const input = z.strictObject({
  rotation: rotationInput,
  executionName: z.string(),
  nowMs: z.number(),
  retries: z.int().check(z.minimum(0)),
});

/** What `rotor` asks: which policies are deployed here. They name secrets and hold none. */
const question = z.strictObject({ ask: z.literal("policies") });

/** First state of the workflow: decides what to do, and records the state before. Reads no value. And tells operators its policies. */
export const handler = (event: unknown, context: InvocationContext) =>
  typeof event === "object" && event !== null && "ask" in event ? tell(event, context) : planRotation(event, context);

const tell = defineHandler(
  "plan",
  question,
  ({ ask }) => ({ ask }),
  async () => {
    return { policies: forStage(parsePolicies(config), readEnvironment("plan").STAGE) };
  },
);

const planRotation = defineHandler(
  "plan",
  input,
  ({ rotation }) => ({ ...rotation }),
  async ({ rotation, ...workflow }, context, warn) => {
    const environment = readEnvironment("plan");
    const policies = forStage(parsePolicies(config), environment.STAGE);
    for (const message of policies.flatMap(policyWarnings)) warn(message);
    const planner = {
      client,
      sfn,
      lambda,
      dependentsFunctionArn: environment.DEPENDENTS_FUNCTION_ARN,
      stateMachineArn: environment.STATE_MACHINE_ARN,
      gateFunctionArn: environment.GATE_FUNCTION_ARN,
      definition: environment.DEFINITION_DIGEST,
      region: context.invokedFunctionArn.split(":")[3] ?? "",
      policies,
      ...workflow,
    };
    const planned = await plan(planner, rotation);
    for (const message of planned.advice) warn(message);
    return planned;
  },
);
