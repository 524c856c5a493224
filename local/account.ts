import { type Clock, RealClock } from "./clock.ts";
import { type Journal, NO_JOURNAL, openJournal } from "./journal.ts";
import { refuseJournal } from "./journal-file.ts";
import { createCloudTrail } from "./services/cloudtrail.ts";
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
  type Threads,
} from "./services/index.ts";
import { LOST, type StartEnvironment } from "./services/lambda-environment.ts";
import { AwsError, type InvokeResult, type Place, type Service } from "./services/service.ts";
import { createExecutionStore } from "./services/states-store.ts";
import { createSts } from "./services/sts.ts";
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
  /** What runs the functions. Default: a thread for each of their environments. */
  readonly startEnvironment?: StartEnvironment;
  /** Threads that accounts share, one after the other; they outlive each. Default: threads of its own, which end with it. */
  readonly threads?: Threads;
  /**
   * A directory, of this account alone, in which its state outlives the process: docs/local-account.md says what does. It holds
   * the values of secrets, readable for its owner only. Default: the state ends with the process.
   */
  readonly journal?: string;
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
  /**
   * Makes one call without the wire: recorded, shown to the hooks and answered as any other, with Dates where the wire has numbers.
   * For functions that run in this process.
   * @throws AwsError, ConnectionLost, and whatever a hook throws
   */
  perform(call: Call): Promise<unknown>;
  /** Every call so far: who asked which service for what. Without secret values. */
  calls(): readonly Call[];
  /**
   * Goes on with what an earlier process left in the journal: executions, rotations, deliveries, schedules. `deploy` calls it, when
   * the functions are defined again. May be repeated.
   */
  resume(): void;
  /**
   * Resolves when nothing is at work any more: no delivery, asynchronous invocation, rotation or execution. What waits for `resume`
   * is at work.
   */
  idle(): Promise<void>;
  /** Ends everything: no thread, timer or socket is left. May be repeated. */
  close(): Promise<void>;
}

/**
 * Starts an account: an empty one, or one with what its journal holds.
 * @throws Error "PortInUse", "JournalInUse", "JournalRefused"
 */
export async function startAccount(options: AccountOptions = {}): Promise<Account> {
  const { region = "us-east-1", accountId = "123456789012" } = options;
  const journal = options.journal === undefined ? NO_JOURNAL : openJournal(options.journal, { region, accountId });
  try {
    return await startOn(journal, { ...options, region, accountId });
  } catch (error) {
    journal.close();
    throw error;
  }
}

async function startOn(journal: Journal, options: AccountOptions & Place): Promise<Account> {
  const { region, accountId, clock = new RealClock() } = options;
  const place = { region, accountId, clock, journal };
  const calls = createCalls();
  let endpoint = "";

  const { threads, startEnvironment } = options;
  const lambda = createLambda({ ...place, endpoint: () => endpoint, threads, startEnvironment });
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
    lost: LOST,
    store: createExecutionStore(journal),
    ...(options.random === undefined ? {} : { random: options.random }),
  });

  let resume: (isResumed: boolean) => void = () => {};
  const resumed = new Promise<boolean>((resolve) => {
    resume = resolve;
  });
  try {
    for (const service of [sns, events, lambda, secretsManager, states]) service.recover(resumed);
  } catch (error) {
    // A release may take less than the one that wrote it: a definition, a rule's pattern, a filter policy.
    const why = error instanceof Error ? error.message : String(error);
    refuseJournal(`The journal holds what this release does not take (${why}): name another directory.`);
  }

  const cloudTrail = createCloudTrail(place);
  calls.intercept(cloudTrail.hook);
  const services: readonly Service[] = [secretsManager, states, events, sns, lambda, createSts(place), cloudTrail];
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
    perform,
    calls: calls.recorded,
    resume: () => resume(true),
    idle,
    close,
    [Symbol.asyncDispose]: close,
  };

  async function perform(call: Call): Promise<unknown> {
    const operations = services.find(({ name }) => name === call.service)?.operations ?? {};
    const run = Object.hasOwn(operations, call.operation) ? operations[call.operation] : undefined;
    if (run === undefined)
      throw new AwsError("UnknownOperationException", `There is no ${call.service}:${call.operation}.`);
    return await calls.perform(call, () => run(call.input));
  }

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

  /** Each may start the others: all are idle when no call was made, and no event accepted, while they were looked at. */
  async function idle(): Promise<void> {
    const started = () => calls.count() + events.accepted();
    for (let before = -1; before !== started(); ) {
      before = started();
      for (const service of [events, sns, lambda, secretsManager, states]) await service.idle();
    }
  }

  /** First what starts work, then the work, then the door, at which nothing is done any more meanwhile. */
  async function close(): Promise<void> {
    wire.refuse();
    events.stop();
    resume(false);
    await Promise.all([secretsManager.stop(), states.stop(), sns.stop()]);
    await lambda.stop();
    await wire.close();
    journal.close();
  }
}
