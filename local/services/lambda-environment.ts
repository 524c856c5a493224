import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/** One environment: a thread with its own process.env and modules, which runs one invocation at a time. */
export interface Environment {
  /** False once it died, was killed or timed out: it is never reused. */
  readonly alive: boolean;
  /** Runs one invocation to its end, whatever that is. Never rejects. */
  run(invocation: Invocation): Promise<Outcome>;
  /** Ends the thread at once: no `finally` of the handler runs. Resolves when it is gone. May be repeated. */
  terminate(): Promise<void>;
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

export function startEnvironment(options: EnvironmentOptions): Environment {
  const worker = new Worker(new URL("./lambda-worker.mjs", import.meta.url), {
    argv: [],
    execArgv: [],
    env: { ...options.variables },
    resourceLimits: { maxOldGenerationSizeMb: options.memoryMegabytes },
    workerData: {
      config: options.data,
      environment: {
        url: pathToFileURL(options.file).href,
        functionName: options.functionName,
        invokedFunctionArn: options.functionArn,
        memoryMegabytes: options.memoryMegabytes,
      },
    },
  });
  // A warm environment never keeps the process alive; a running one does.
  worker.unref();

  let alive = true;
  let killed = false;
  let ready = false;
  let reason = "";
  let settle: ((outcome: Outcome | "ready") => void) | undefined;
  let requestId = "";
  const exited = new Promise<void>((resolve) => {
    worker.once("exit", (code) => {
      alive = false;
      settle?.(fail({ errorType: "Runtime.ExitError", errorMessage: exitMessage(requestId, reasonOf(code)) }));
      resolve();
    });
  });
  worker.on("error", (error) => {
    // Out of memory, or a fault of the thread itself: "exit" follows.
    reason = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "signal: aborted" : "exit status 1";
  });
  worker.on("message", (message: Message) => {
    if (message.type === "log") options.print(message.stream, message.text);
    else if (message.type === "ready") {
      ready = true;
      settle?.("ready");
    } else if (message.type === "result") settle?.(succeed(message.json));
    else {
      if (message.type === "died") alive = false;
      settle?.(fail(message.error));
    }
  });

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
        const outcome = await next(invocation.timeoutMs, () => worker.postMessage(invocation));
        return outcome === "ready" ? fail({ errorType: "Runtime.Unknown", errorMessage: "started twice" }) : outcome;
      } finally {
        worker.unref();
      }
    },
    async terminate() {
      killed = true;
      alive = false;
      await worker.terminate();
      await exited;
    },
  };

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

/** @param why "": nothing is known */
export function exitMessage(requestId: string, why: string): string {
  const text = why === "" ? "Runtime exited without providing a reason" : `Runtime exited with error: ${why}`;
  return `RequestId: ${requestId} Error: ${text}`;
}
