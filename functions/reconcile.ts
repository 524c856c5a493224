import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import * as z from "zod/mini";
import { clientConfiguration, fromAwsError } from "../core/aws.ts";
import { FUNCTIONS } from "../core/blueprint.ts";
import { readEnvironment } from "../core/env.ts";
import { DIGEST_COMPILED } from "../core/events.ts";
import { defineHandler } from "../core/handler.ts";
import { recordSweep } from "../core/metrics.ts";
import { forStage, parsePolicies } from "../core/policies.ts";
import { putEvent } from "../core/put-event.ts";
import { compileDigest } from "../core/reconcile/digest.ts";
import { createPace } from "../core/reconcile/pace.ts";
import { type ReconcileRequest, reconcile } from "../core/reconcile/reconcile.ts";
import config from "../rotation.config.ts";

const client = new SecretsManagerClient(clientConfiguration);
const sfn = new SFNClient(clientConfiguration);
const eventBridge = new EventBridgeClient(clientConfiguration);
// An Invoke answers when the function has ended. It is not repeated: wrong passwords may lock an account.
const lambda = new LambdaClient({
  maxAttempts: 1,
  requestHandler: {
    ...clientConfiguration.requestHandler,
    requestTimeout: (FUNCTIONS["roll-back"].timeoutSeconds + 5) * 1000,
  },
});

// DescribeExecution refills 10 to 15 a second for the whole account, and gates wait by it: a half at most is ours.
const pace = createPace({ perSecond: 5, burst: 50 });
sfn.middlewareStack.add((next) => async (call) => pace().then(() => next(call)), { step: "initialize", name: "pace" });

/** EventBridge's scheduled event, a person's own invocation, or this function's own where its time was over. */
const input = z.object({
  time: z.optional(z.iso.datetime()),
  /** "all": try every AWSCURRENT now, not in the course of six hours. */
  measure: z._default(z.enum(["due", "all"]), "due"),
  resume: z.optional(z.object({ nextToken: z.string(), fromMs: z.number(), complete: z.boolean() })),
  /** The digest of the week before `time`, and nothing else: what this function asks itself for. */
  digest: z._default(z.boolean(), false),
  /** How many invocations of one sweep came before. */
  part: z._default(z.int().check(z.minimum(0)), 0),
});

/** Lambda ends a chain in which a function invokes itself after 16 links ("Recursive loop detection"). */
const PARTS = 15;

/** By the clock: finds what no event has told, asks for its repair and tells people. */
export const handler = defineHandler(
  "reconcile",
  input,
  ({ time, part }) => ({ time, part }),
  async ({ time = new Date().toISOString(), measure, resume, digest, part }, context, warn) => {
    const environment = readEnvironment("reconcile");
    const request: ReconcileRequest = { nowMs: Date.parse(time), measure, resume };
    const reconciler = {
      ...{ client, sfn, eventBridge, lambda, warn },
      stateMachineArn: environment.STATE_MACHINE_ARN,
      gateFunctionArn: environment.GATE_FUNCTION_ARN,
      rollBackFunctionArn: environment.ROLL_BACK_FUNCTION_ARN,
      busName: environment.ROTATION_BUS_NAME,
      heartbeatSecretArn: environment.HEARTBEAT_SECRET_ARN,
      policies: forStage(parsePolicies(config), environment.STAGE),
      region: context.invokedFunctionArn.split(":")[3] ?? "",
      askForDigest: environment.DIGEST && (() => invokeSelf(context.invokedFunctionArn, { time, digest: true })),
      remainingMs: () => context.getRemainingTimeInMillis(),
    };
    if (digest) {
      const detail = await compileDigest(reconciler, request.nowMs);
      await putEvent(eventBridge, reconciler.busName, { detailType: DIGEST_COMPILED, detail, resources: [] });
      return detail;
    }
    const { resume: rest, oldestOverdueMs, ...done } = await reconcile(reconciler, request);
    recordSweep({
      stage: environment.STAGE,
      complete: rest === undefined,
      oldestOverdueMs,
      trailSilent: done.findings.TrailSilent !== undefined,
      frozenSecrets: done.findings.SecretFrozen ?? 0,
      looksFailed: done.failed,
    });
    if (rest === undefined) return { ...done, more: false };
    if (part + 1 >= PARTS) {
      warn(`${PARTS} invocations were not enough to look at every secret; the next sweep begins anew.`);
      return { ...done, more: true };
    }
    await invokeSelf(context.invokedFunctionArn, { time, measure, resume: rest, part: part + 1 });
    return { ...done, more: true, nextToken: rest.nextToken };
  },
);

async function invokeSelf(functionArn: string, request: z.input<typeof input>): Promise<void> {
  const call = { FunctionName: functionArn, InvocationType: "Event" as const, Payload: JSON.stringify(request) };
  await lambda
    .send(new InvokeCommand(call))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `lambda:Invoke of ${functionArn}`)));
}
