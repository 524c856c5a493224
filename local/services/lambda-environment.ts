import type { Threads } from "./lambda-threads.ts";
import type { InvokeResult } from "./service.ts";

/** One environment: a thread with its own process.env and modules, which runs one invocation at a time. */
export interface Environment {
  /** False once it died, was killed or timed out: it is never reused. */
  readonly alive: boolean;
  /** Runs one invocation to its end, whatever that is. Never rejects. */
  run(invocation: Invocation): Promise<Outcome>;
  /** Ends the thread at once: no `finally` of the handler runs. Resolves when it is gone. May be repeated. */
  terminate(): Promise<void>;
  /** Ends the environment, and its thread only with a running invocation: another environment may have it next. May be repeated. */
  end(): Promise<void>;
}

export interface Invocation {
  readonly requestId: string;
  /** The event, as JSON. */
  readonly payload: string;
  readonly timeoutMs: number;
}

export interface Outcome {
  readonly failed: boolean;
  /** The handler's return value, or {errorType, errorMessage, trace}, as JSON. */
  readonly json: string;
}

export interface EnvironmentOptions {
  readonly functionName: string;
  readonly functionArn: string;
  readonly file: string;
  readonly memoryMegabytes: number;
  readonly variables: Readonly<Record<string, string>>;
  /** `workerData.config` inside. */
  readonly data: unknown;
  readonly print: (stream: "stdout" | "stderr", text: string) => void;
}

export type StartEnvironment = (options: EnvironmentOptions) => Environment;

interface RuntimeError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

type Message =
  | { readonly type: "ready" }
  | { readonly type: "log"; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly type: "result"; readonly json: string }
  | { readonly type: "error" | "died"; readonly error: RuntimeError };

/**
 * How long loading a handler may take, in ms; not part of the function's timeout. AWS gives it 10 s on a processor of
 * its own. Here many that load at once share a few.
 */
const INIT_TIMEOUT_MS = 60_000;
/** Lambda's limit of a synchronous response, in bytes. */
const RESPONSE_BYTES = 6_291_556;

export function startEnvironment(options: EnvironmentOptions, threads: Threads): Environment {
  const { functionName, functionArn, file, memoryMegabytes, variables, data } = options;
  const code = { file, memoryMegabytes };
  const worker = threads.take(code);
  const place = { functionName, invokedFunctionArn: functionArn, memoryMegabytes };
  worker.postMessage({ type: "begin", file, place, variables, data });

  let alive = true;
  let killed = false;
  let ready = false;
  let reason = "";
  let settle: ((outcome: Outcome | "ready") => void) | undefined;
  let requestId = "";
  let ended: Promise<void> | undefined;
  let exit = () => {};
  const exited = new Promise<void>((resolve) => {
    exit = resolve;
  });
  worker.on("exit", onExit).on("error", onError).on("message", onMessage);

  return {
    get alive() {
      return alive;
    },
    async run(invocation) {
      requestId = invocation.requestId;
      worker.ref();
      try {
        if (!ready) {
          const started = await next(INIT_TIMEOUT_MS, () => {});
          if (started !== "ready") return started;
        }
        const outcome = await next(invocation.timeoutMs, () => worker.postMessage({ type: "run", ...invocation }));
        return outcome === "ready" ? fail({ errorType: "Runtime.Unknown", errorMessage: "started twice" }) : outcome;
      } finally {
        worker.unref();
      }
    },
    terminate,
    end() {
      if (alive && ready && settle === undefined) {
        alive = false;
        worker.off("exit", onExit).off("error", onError).off("message", onMessage);
        ended = threads.giveBack(code, worker);
      }
      return ended ?? terminate();
    },
  };

  async function terminate(): Promise<void> {
    if (ended !== undefined) return await ended;
    killed = true;
    alive = false;
    await worker.terminate();
    await exited;
  }

  function onExit(exitCode: number): void {
    alive = false;
    settle?.(fail({ errorType: "Runtime.ExitError", errorMessage: exitMessage(requestId, reasonOf(exitCode)) }));
    exit();
  }

  /** Out of memory, or a fault of the thread itself: "exit" follows. */
  function onError(error: Error): void {
    reason = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "signal: aborted" : "exit status 1";
  }

  function onMessage(message: Message): void {
    if (message.type === "log") options.print(message.stream, message.text);
    else if (message.type === "ready") {
      ready = true;
      settle?.("ready");
    } else if (message.type === "result") settle?.(succeed(message.json));
    else {
      if (message.type === "died") alive = false;
      settle?.(fail(message.error));
    }
  }

  function reasonOf(code: number): string {
    return killed ? "signal: killed" : reason || (code === 0 ? "" : `exit status ${code}`);
  }

  /** Waits for the thread's next word, at most `timeoutMs`; then the thread is terminated. */
  async function next(timeoutMs: number, send: () => void): Promise<Outcome | "ready"> {
    if (!alive) return fail({ errorType: "Runtime.ExitError", errorMessage: exitMessage(requestId, reasonOf(1)) });
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Outcome | "ready">((resolve) => {
        settle = resolve;
        timer = setTimeout(() => {
          alive = false;
          settle = undefined;
          const outcome = timedOut({ requestId, timeoutMs });
          // The answer comes when the thread is gone: what it did, it did before.
          void worker.terminate().then(() => resolve(outcome));
        }, timeoutMs);
        send();
      });
    } finally {
      settle = undefined;
      clearTimeout(timer);
    }
  }
}

export function succeed(json: string): Outcome {
  if (Buffer.byteLength(json) <= RESPONSE_BYTES) return { failed: false, json };
  return fail({
    errorType: "Function.ResponseSizeTooLarge",
    errorMessage: `Response payload size exceeded maximum allowed payload size (${RESPONSE_BYTES} bytes).`,
  });
}

export function fail(error: RuntimeError): Outcome {
  return { failed: true, json: JSON.stringify(error) };
}

export function timedOut({ requestId, timeoutMs }: Pick<Invocation, "requestId" | "timeoutMs">): Outcome {
  const seconds = (timeoutMs / 1000).toFixed(2);
  return fail({
    errorType: "Sandbox.Timedout",
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`,
  });
}

/** What came of an invocation that ran when the account's process ended: its environment ended with it. */
export const LOST: InvokeResult = {
  ...{ StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled" },
  Payload: { errorType: "Runtime.ExitError", errorMessage: "Error: Runtime exited with error: signal: killed" },
};

/** @param why "": nothing is known */
export function exitMessage(requestId: string, why: string): string {
  const text = why === "" ? "Runtime exited without providing a reason" : `Runtime exited with error: ${why}`;
  return `RequestId: ${requestId} Error: ${text}`;
}
