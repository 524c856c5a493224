import { type Clock, RealClock } from "./clock.ts";
import {
  createEvents,
  createLambda,
  createSecretsManager,
  createSns,
  createStates,
  type EventChaos,
  type Events,
  type EventTarget,
  type Lambda,
  type RotationRetry,
  type SecretsManager,
  type Sns,
  type States,
} from "./services/index.ts";
import { AwsError, type InvokeResult, type Service } from "./services/service.ts";
import { startWire } from "./wire.ts";
import { asServiceCall, type Call, createCalls, type Interceptor } from "./wire-calls.ts";

export interface AccountOptions {
  /** Default: any free port. */
  readonly port?: number;
  readonly region?: string;
  readonly accountId?: string;
  /** Default: real time. */
  readonly clock?: Clock;
  /** What EventBridge does to events from the start: loses, doubles, delays. `events.disturb` changes it. Default: nothing. */
  readonly chaos?: EventChaos;
  /** How Secrets Manager repeats a failed step. */
  readonly rotation?: Partial<RotationRetry>;
  /** Jitter of the state machine's retries; default Math.random. */
  readonly random?: () => number;
}

/** An AWS account in this process, on one loopback port. */
export interface Account extends AsyncDisposable {
  /** Where it listens: AWS_ENDPOINT_URL. */
  readonly endpoint: string;
  readonly region: string;
  readonly accountId: string;
  readonly clock: Clock;
  readonly lambda: Lambda;
  readonly states: States;
  readonly secretsManager: SecretsManager;
  readonly events: Events;
  readonly sns: Sns;
  /** What a client process needs to work with this account and with no other. */
  readonly environment: Readonly<Record<string, string>>;
  /** Shows every call to `hook`, which may change its fate, until disposed. For tests and rehearsals. */
  intercept(hook: Interceptor): Disposable;
  /** Every call so far: who asked which service for what. Without secret values. */
  calls(): readonly Call[];
  /** Resolves when nothing is at work any more: no delivery, asynchronous invocation, rotation or execution. */
  idle(): Promise<void>;
  /** Ends everything: no thread, timer or socket is left. May be repeated. */
  close(): Promise<void>;
}

/**
 * Starts an empty account.
 * @throws Error "PortInUse"
 */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const { region = "us-east-1", accountId = "123456789012", clock = new RealClock() } = options;
  const place = { region, accountId, clock };
  const calls = createCalls();
  let endpoint = "";

  const lambda = createLambda({ ...place, endpoint: () => endpoint });
  const sns = createSns({ ...place, endpoint: () => endpoint });
  const events = createEvents({
    ...place,
    deliver,
    ...(options.chaos === undefined ? {} : { chaos: options.chaos }),
  });
  const emit = (event: Parameters<Events["put"]>[0]) => void events.put(event);
  const secretsManager = createSecretsManager({
    ...place,
    emit,
    invoke: invokeRotationFunction,
    functionExists: lambda.exists,
    ...(options.rotation === undefined ? {} : { rotation: options.rotation }),
  });
  const states = createStates({
    ...place,
    emit,
    invoke: (functionArn, payload, signal) => invoke("states", functionArn, payload, signal),
    ...(options.random === undefined ? {} : { random: options.random }),
  });

  const services: readonly Service[] = [secretsManager, states, events, sns, lambda];
  const wire = await startWire({ port: options.port ?? 0, services, calls, functionOf: lambda.functionOf });
  endpoint = wire.endpoint;

  return {
    ...{ endpoint, region, accountId, clock, lambda, states, secretsManager, events, sns },
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      // The AWS CLI and boto3 read this one.
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: "AKIALOCALCLIENT",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    },
    intercept: calls.intercept,
    calls: calls.recorded,
    idle,
    close,
    [Symbol.asyncDispose]: close,
  };

  async function invoke(
    caller: string,
    functionArn: string,
    payload: unknown,
    signal?: AbortSignal,
  ): Promise<InvokeResult> {
    const input = { FunctionName: functionArn, Payload: payload };
    const call: Call = { service: "lambda", operation: "Invoke", input, caller };
    return await asServiceCall(calls.perform(call, () => lambda.invoke(functionArn, payload, signal)));
  }

  /** testSecret may wait for an execution: virtual time has to go on meanwhile, or neither would ever end. */
  function invokeRotationFunction(functionArn: string, payload: unknown): Promise<InvokeResult> {
    const work = invoke("secretsmanager", functionArn, payload);
    const waits = (payload as { Step?: unknown }).Step === "testSecret";
    return waits ? work : clock.track(work);
  }

  /** EventBridge's part ends when the function's invocation has been accepted: Lambda itself repeats what then fails. */
  async function deliver({ Arn }: EventTarget, event: unknown): Promise<void> {
    if (Arn.split(":")[2] !== "lambda") {
      throw new AwsError("ResourceNotFoundException", `The account has no target ${Arn}.`, 404);
    }
    const input = { FunctionName: Arn, InvocationType: "Event", Payload: event };
    const call: Call = { service: "lambda", operation: "Invoke", input, caller: "events" };
    await asServiceCall(calls.perform(call, () => lambda.operations["Invoke"]?.(input)));
  }

  /** Each may start the others: all are idle when no call was made while they were looked at. */
  async function idle(): Promise<void> {
    for (let before = -1; before !== calls.count(); ) {
      before = calls.count();
      for (const service of [events, sns, lambda, secretsManager, states]) await service.idle();
    }
  }

  /** First what starts work, then the work, then the door. */
  async function close(): Promise<void> {
    events.stop();
    await Promise.all([secretsManager.stop(), states.stop(), sns.stop()]);
    await lambda.stop();
    await wire.close();
  }
}
