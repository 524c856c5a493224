import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { clientConfiguration } from "../core/aws.ts";
import { readEnvironment } from "../core/env.ts";
import { gate, gateEvent } from "../core/gate/gate.ts";
import { defineHandler } from "../core/handler.ts";
import { forStage, parsePolicies } from "../core/policies.ts";
import config from "../rotation.config.ts";

const client = new SecretsManagerClient(clientConfiguration);
const sfn = new SFNClient(clientConfiguration);

/** The rotation function of every native secret. Invoked by Secrets Manager only. */
export const handler = defineHandler(
  "gate",
  gateEvent,
  ({ Step, SecretId, ClientRequestToken }) => ({ step: Step, secretArn: SecretId, token: ClientRequestToken }),
  async (event, context) => {
    const environment = readEnvironment("gate");
    await gate(
      {
        client,
        sfn,
        stateMachineArn: environment.STATE_MACHINE_ARN,
        engine: environment.ENGINE,
        definition: environment.DEFINITION_DIGEST,
        region: context.invokedFunctionArn.split(":")[3] ?? "",
        readPolicies: () => forStage(parsePolicies(config), environment.STAGE),
        targetTimeoutMs: environment.TARGET_TIMEOUT_MS,
        firstPauseMs: environment.GATE_FIRST_PAUSE_MS,
        remainingMs: () => context.getRemainingTimeInMillis(),
      },
      event,
    );
  },
);
