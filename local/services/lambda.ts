import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Clock } from "../clock.ts";
import { type Journal, NO_JOURNAL } from "../journal.ts";
import { createAsynchronousInvocations, type DeadInvocation } from "./lambda-asynchronous.ts";
import type { BundledFunction, FunctionDefinition } from "./lambda-definition.ts";
import { type Environment, type Outcome, type StartEnvironment, startEnvironment } from "./lambda-environment.ts";
import { servedEnvironment } from "./lambda-served.ts";
import { createThreads, type Threads } from "./lambda-threads.ts";
import { accessKeyOf, givenVariables } from "./lambda-variables.ts";
import { AwsError, type InvokeResult, type Place, type Service } from "./service.ts";

export interface LambdaOptions extends Place {
  readonly clock: Clock;
  /** Where the account listens: becomes AWS_ENDPOINT_URL of every function. */
  readonly endpoint: () => string;
  /** What runs a bundled function. Default: a thread for each environment. */
  readonly startEnvironment?: StartEnvironment | undefined;
  /** Where environments take their threads from. Default: threads of its own, which end with it. */
  readonly threads?: Threads | undefined;
  /** Keeps asynchronous invocations that are not done. Functions are to be defined again. Default: they end with the process. */
  readonly journal?: Journal;
}

/** A line that a handler, or the runtime for it, printed. */
export interface LogLine {
  readonly functionName: string;
  /** Absent for what was printed while the module was loaded, or between two invocations. */
  readonly requestId?: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface Lambda extends Service {
  /** Creates a function, or replaces its code and configuration. Returns its ARN. */
  define(fn: FunctionDefinition): string;
  /**
   * Invokes synchronously: JSON in, JSON out, in an environment that no other invocation uses meanwhile. A handler that
   * throws, times out or dies is an answer with FunctionError. An aborted `signal` ends the waiting, not the handler.
   * @throws AwsError ResourceNotFoundException (404), ServiceException (500) once stopped
   */
  invoke(functionArnOrName: string, payload: unknown, signal?: AbortSignal): Promise<InvokeResult>;
  exists(functionArnOrName: string): boolean;
  /** The function whose credentials carry this access key id. */
  functionOf(accessKeyId: string): string | undefined;
  /** What handlers printed, oldest first; the newest 100,000 lines are kept. */
  logs(): readonly LogLine[];
  /**
   * Asynchronous invocations whose three tries all failed, oldest first: those of one on-failure destination, or all, whether or
   * not the function has one.
   */
  deadLetters(destination?: string): readonly DeadInvocation[];
  /** Ends the running environments of a function as a lost host would: their invocations end Runtime.ExitError. */
  kill(functionName: string): Promise<void>;
  /** Takes back the asynchronous invocations that an earlier process kept. They go on when `resumed` resolves true. */
  recover(resumed: Promise<boolean>): void;
  /** Resolves when no asynchronous invocation is running or between two tries. */
  idle(): Promise<void>;
  /** Ends every environment and every pending asynchronous retry. May be repeated. */
  stop(): Promise<void>;
}

type Deployed = FunctionDefinition & {
  readonly arn: string;
  readonly idle: Environment[];
};

interface InvokeInput {
  readonly FunctionName: string;
  readonly InvocationType?: string;
  /** The event itself: the wire has parsed it. */
  readonly Payload?: unknown;
}

/** Idle environments that a function keeps: about 20 MB each. */
const WARM = 32;
const LOG_LINES = 100_000;

/**
 * Lambda, as far as this project's functions need it. An environment is a thread with its own process.env, which holds
 * only what Lambda gives, and its own modules; warm ones are reused, a concurrent invocation gets another one. Its
 * thread may have had other environments of the same code before. Only a function that is served elsewhere has its environments
 * there. Timeouts are real time, whatever the account's clock says, because handlers run in real time.
 *
 * Differs from AWS: an environment is not frozen between two invocations; there is no concurrency limit, no version but
 * $LATEST, and no log tail in the answer.
 */
export function createLambda(options: LambdaOptions): Lambda {
  const functions = new Map<string, Deployed>();
  const running = new Map<Environment, { readonly functionName: string; readonly requestId: string }>();
  const environments = new Set<Environment>();
  const lines: LogLine[] = [];
  const stopped = new AbortController();
  // Whatever waits between two tries listens.
  setMaxListeners(0, stopped.signal);
  const threads = options.threads ?? createThreads();
  const asynchronous = createAsynchronousInvocations({
    ...{ clock: options.clock, stopped: stopped.signal, journal: options.journal ?? NO_JOURNAL },
    // Each try takes the function as it is defined by then.
    async invoke({ functionArn, payload }, requestId) {
      const fn = lookUp(functionArn);
      return fn === undefined ? undefined : await runOnce(fn, requestId, payload);
    },
  });

  const lambda: Lambda = {
    name: "lambda",
    operations: { Invoke: invokeOperation },
    define(fn) {
      const replaced = functions.get(fn.name);
      const arn = `arn:aws:lambda:${options.region}:${options.accountId}:function:${fn.name}`;
      functions.set(fn.name, { ...fn, arn, idle: [] });
      for (const environment of replaced?.idle ?? []) void discard(environment);
      return arn;
    },
    async invoke(functionArnOrName, payload, signal) {
      const fn = find(functionArnOrName);
      const result = runOnce(fn, randomUUID(), JSON.stringify(payload ?? null));
      return signal === undefined ? await result : await orAborted(result, signal);
    },
    exists: (functionArnOrName) => lookUp(functionArnOrName) !== undefined,
    functionOf(accessKeyId) {
      return [...functions.keys()].find((name) => accessKeyOf(name) === accessKeyId);
    },
    logs: () => lines,
    deadLetters: asynchronous.deadLetters,
    async kill(functionName) {
      const killed = [...running].filter(([, run]) => run.functionName === functionName);
      await Promise.all(killed.map(([environment]) => environment.terminate()));
    },
    recover: asynchronous.recover,
    idle: asynchronous.idle,
    async stop() {
      stopped.abort();
      await Promise.all([...environments].map(discard));
      await asynchronous.idle();
      if (options.threads === undefined) await threads.end();
    },
  };
  return lambda;

  async function invokeOperation(input: InvokeInput): Promise<InvokeResult | { StatusCode: number }> {
    const fn = find(input.FunctionName);
    switch (input.InvocationType ?? "RequestResponse") {
      case "RequestResponse":
        return await lambda.invoke(fn.arn, input.Payload);
      case "DryRun":
        return { StatusCode: 204 };
      case "Event": {
        const payload = JSON.stringify(input.Payload ?? null);
        asynchronous.start({ functionArn: fn.arn, payload, destination: fn.onFailure });
        return { StatusCode: 202 };
      }
      default:
        throw new AwsError(
          "InvalidParameterValueException",
          "InvocationType must be one of RequestResponse, Event, DryRun",
        );
    }
  }

  async function runOnce(fn: Deployed, requestId: string, payload: string): Promise<InvokeResult> {
    if (stopped.signal.aborted) throw new AwsError("ServiceException", "The account is closed.", 500);
    const environment = warm(fn) ?? ("address" in fn ? servedEnvironment(fn.address) : start(fn));
    environments.add(environment);
    running.set(environment, { functionName: fn.name, requestId });
    const outcome = await environment.run({ requestId, payload, timeoutMs: fn.timeoutMs });
    running.delete(environment);
    const reusable = environment.alive && functions.get(fn.name) === fn && fn.idle.length < WARM;
    if (reusable && !stopped.signal.aborted) fn.idle.push(environment);
    else await discard(environment);
    return answer(outcome);
  }

  function warm(fn: Deployed): Environment | undefined {
    for (let environment = fn.idle.pop(); environment !== undefined; environment = fn.idle.pop()) {
      if (environment.alive) return environment;
      void discard(environment);
    }
    return undefined;
  }

  function start(fn: Deployed & BundledFunction): Environment {
    const { name: functionName, arn: functionArn, file, memoryMegabytes = 256 } = fn;
    const given = givenVariables({
      functionName,
      region: options.region,
      memoryMegabytes,
      endpoint: options.endpoint(),
    });
    const print = (stream: LogLine["stream"], text: string) => {
      const requestId = running.get(environment)?.requestId;
      const line = { functionName, ...(requestId === undefined ? {} : { requestId }), stream };
      for (const each of text.replace(/\n$/, "").split("\n")) lines.push({ ...line, text: each });
      if (lines.length > LOG_LINES) lines.splice(0, lines.length - LOG_LINES);
    };
    const variables = { ...given, ...fn.environment };
    const started = { functionName, functionArn, file, memoryMegabytes, variables, data: fn.data, print };
    const environment = options.startEnvironment?.(started) ?? startEnvironment(started, threads);
    return environment;
  }

  async function discard(environment: Environment): Promise<void> {
    await environment.end();
    environments.delete(environment);
  }

  function find(functionArnOrName: string): Deployed {
    const fn = lookUp(functionArnOrName);
    if (fn !== undefined) return fn;
    const arn = functionArnOrName.startsWith("arn:")
      ? functionArnOrName
      : `arn:aws:lambda:${options.region}:${options.accountId}:function:${functionArnOrName}`;
    throw new AwsError("ResourceNotFoundException", `Function not found: ${arn}`, 404);
  }

  /** By name, partial or full ARN, each with or without ":$LATEST". */
  function lookUp(functionArnOrName: string): Deployed | undefined {
    const parts = functionArnOrName.split(":");
    const at = parts.indexOf("function");
    const [name = "", qualifier = "$LATEST"] = parts.slice(at + 1);
    const fn = functions.get(name);
    const here = at < 1 || fn?.arn.endsWith(`:${parts.slice(at - 1, at + 2).join(":")}`);
    const region = at === 5 ? parts[3] : options.region;
    return here && region === options.region && qualifier === "$LATEST" ? fn : undefined;
  }
}

function answer(outcome: Outcome): InvokeResult {
  return {
    StatusCode: 200,
    ExecutedVersion: "$LATEST",
    ...(outcome.failed ? { FunctionError: "Unhandled" as const } : {}),
    Payload: JSON.parse(outcome.json),
  };
}

function orAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
