import { CloudTrailClient } from "@aws-sdk/client-cloudtrail";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SNSClient } from "@aws-sdk/client-sns";
import { STSClient } from "@aws-sdk/client-sts";
import { FUNCTIONS } from "../core/blueprint.ts";
import { createPace } from "../core/reconcile/pace.ts";

export interface ClientOptions {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  readonly endpointUrl?: string | undefined;
  /** Told each call that was made: its service, operation, status, time and request id; nothing that was sent. */
  readonly trace?: ((line: string) => void) | undefined;
}

export type Clients = ReturnType<typeof createClients>;

/** The only way to AWS: the SDK's own chain of credentials, Regions and endpoints, and what the command line says instead. */
export function createClients({ profile, region, endpointUrl, trace }: ClientOptions) {
  const common = {
    ...(profile === undefined ? {} : { profile }),
    ...(region === undefined ? {} : { region }),
    ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
  };
  const clients = {
    secretsManager: new SecretsManagerClient(common),
    sfn: new SFNClient(common),
    events: new EventBridgeClient(common),
    // An Invoke answers when the function has ended, and is not repeated: wrong passwords may lock an account.
    lambda: new LambdaClient({
      ...common,
      maxAttempts: 1,
      requestHandler: { requestTimeout: (FUNCTIONS["roll-back"].timeoutSeconds + 5) * 1000 },
    }),
    sns: new SNSClient(common),
    sts: new STSClient(common),
    cloudTrail: new CloudTrailClient(common),
  };
  paceReads(clients.sfn);
  if (trace !== undefined) for (const client of Object.values(clients)) traceCalls(client, trace);
  return clients;
}

// --- internal ---

/** As reconcile asks: the gates wait for their executions by the same quota of the account. */
const PACE = { perSecond: 5, burst: 50 };
const PACED = ["DescribeExecution", "GetExecutionHistory", "ListExecutions"];

/** Each operation has a bucket of its own. */
function paceReads({ middlewareStack }: SFNClient): void {
  const paces = new Map(PACED.map((operation) => [`${operation}Command`, createPace(PACE)]));
  middlewareStack.add(
    (next, { commandName = "" }) =>
      async (call) => {
        await paces.get(commandName)?.();
        return await next(call);
      },
    { step: "initialize", name: "pace" },
  );
}

interface Traced {
  readonly middlewareStack: {
    add(
      // biome-ignore lint/suspicious/noExplicitAny: the SDK's stacks differ by the client's inputs, which are not looked at
      middleware: (next: any, context: any) => (call: any) => Promise<any>,
      options: { readonly step: "initialize"; readonly name: string },
    ): void;
  };
}

function traceCalls(client: Traced, trace: (line: string) => void): void {
  client.middlewareStack.add(
    (next, context) => async (call) => {
      const begun = performance.now();
      const what = `${context.clientName} ${context.commandName}`;
      const took = () => `${Math.round(performance.now() - begun)} ms`;
      try {
        const reply = await next(call);
        const { httpStatusCode, requestId, attempts } = reply.output?.$metadata ?? {};
        trace(`${what} ${httpStatusCode} ${took()} attempts ${attempts} request ${requestId}`);
        return reply;
      } catch (error) {
        const { name, $metadata } = Object(error) as { name?: string; $metadata?: { requestId?: string } };
        trace(`${what} ${name ?? "Error"} ${took()} request ${$metadata?.requestId ?? "none"}`);
        throw error;
      }
    },
    { step: "initialize", name: "trace" },
  );
}
