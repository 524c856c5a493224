import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import { clientConfiguration } from "../core/aws.ts";
import { dispatch } from "../core/dispatch.ts";
import { readEnvironment } from "../core/env.ts";
import { defineHandler } from "../core/handler.ts";
import { forStage, parsePolicies } from "../core/policies.ts";
import config from "../rotation.config.ts";

const client = new SecretsManagerClient(clientConfiguration);
const sfn = new SFNClient(clientConfiguration);
const eventBridge = new EventBridgeClient(clientConfiguration);

// Anything may come: what it is, is for the normaliser to say.
const anything = z.unknown();
const ids = z.looseObject({
  id: z.string().check(z.maxLength(128)),
  "detail-type": z.string().check(z.maxLength(128)),
  detail: z.optional(
    z.looseObject({
      requester: z.optional(z.string().check(z.maxLength(256))),
      reason: z.optional(z.string().check(z.maxLength(1024))),
    }),
  ),
});

/** Target of the rules: turns an event into at most one effect. Its log keeps who asked for it and why, and what became of it. */
export const handler = defineHandler(
  "dispatch",
  anything,
  (event) => {
    const { data } = ids.safeParse(event);
    if (data === undefined) return {};
    const { requester, reason, emergency } = data.detail ?? {};
    return { eventId: data.id, detailType: data["detail-type"], requester, reason, emergency: emergency === true };
  },
  async (event, context) => {
    const [, , , region = "", account = ""] = context.invokedFunctionArn.split(":");
    const environment = readEnvironment("dispatch");
    return dispatch(
      {
        ...{ client, sfn, eventBridge, account, region },
        stateMachineArn: environment.STATE_MACHINE_ARN,
        gateFunctionArn: environment.GATE_FUNCTION_ARN,
        busName: environment.ROTATION_BUS_NAME,
        heartbeatSecretArn: environment.HEARTBEAT_SECRET_ARN,
        policies: forStage(parsePolicies(config), environment.STAGE),
      },
      event,
    );
  },
  ({ decision, reason, secretArn, token }) => ({ decision, reason, secretArn, token }),
);
