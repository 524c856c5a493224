import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { clientConfiguration } from "../core/aws.ts";
import { dispatch } from "../core/dispatch.ts";
import { readEnvironment } from "../core/env.ts";
import { busEvent } from "../core/events.ts";
import { defineHandler } from "../core/handler.ts";
import { parsePolicies } from "../core/policies.ts";
import config from "../rotation.config.ts";

const client = new SecretsManagerClient(clientConfiguration);
const sfn = new SFNClient(clientConfiguration);

/** Target of the rules: turns an event into at most one execution. */
export const handler = defineHandler(
  "dispatch",
  busEvent,
  (event) => ({ eventId: event.id, detailType: event["detail-type"] }),
  async (event, context) => {
    const [, , , region = "", account = ""] = context.invokedFunctionArn.split(":");
    const { STATE_MACHINE_ARN } = readEnvironment("dispatch");
    const policies = parsePolicies(config);
    return dispatch({ client, sfn, stateMachineArn: STATE_MACHINE_ARN, policies, account, region }, event);
  },
);
