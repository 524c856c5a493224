import { Worker } from "node:worker_threads";

/** What a thread runs, for as long as it lives. */
export interface Code {
  readonly file: string;
  readonly memoryMegabytes: number;
}

/** Threads for environments. */
export interface Threads {
  /** A thread for this code: one that was given back, which has it compiled, or a new one. */
  take(code: Code): Worker;
  /** Takes back a thread that no invocation runs in. It is kept if nothing of its environment is left, else ended. */
  giveBack(code: Code, worker: Worker): Promise<void>;
  /** Ends every thread that was given back. May be repeated. */
  end(): Promise<void>;
}

/** Threads that are kept: about 30 MB each. The oldest is ended for a new one. */
const KEPT = 16;
/** How long a thread may take to say what is left in it, in milliseconds. One that does not say is ended. */
const ANSWER_MS = 10_000;

/**
 * Most of what a new environment costs is its thread, and compiling its code. Both are the same for the next environment of that
 * code, in another account too; its modules, variables and data are always its own.
 */
export function createThreads(): Threads {
  let kept: { readonly key: string; readonly worker: Worker }[] = [];

  return {
    take(code) {
      const key = JSON.stringify(code);
      const last = kept.findLast((each) => each.key === key);
      if (last === undefined) return start(code);
      kept = kept.filter((each) => each !== last);
      return last.worker;
    },
    async giveBack(code, worker) {
      if (!(await isEmpty(worker))) {
        await worker.terminate();
        return;
      }
      kept.push({ key: JSON.stringify(code), worker });
      if (kept.length > KEPT) await kept.shift()?.worker.terminate();
    },
    async end() {
      const ended = kept;
      kept = [];
      await Promise.all(ended.map(({ worker }) => worker.terminate()));
    },
  };

  function start({ memoryMegabytes }: Code): Worker {
    const worker = new Worker(new URL("./lambda-worker.mjs", import.meta.url), {
      argv: [],
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: memoryMegabytes },
      workerData: {},
    });
    worker.setMaxListeners(0);
    // Whoever uses it listens, too; a thread that dies while it is kept is of no interest.
    worker.on("error", () => {});
    worker.once("exit", () => {
      kept = kept.filter((each) => each.worker !== worker);
    });
    // Only a running invocation keeps the process alive.
    worker.unref();
    return worker;
  }
}

/** Whether what ran in the thread left nothing that could still do something. */
async function isEmpty(worker: Worker): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const settle = (empty: boolean) => {
      clearTimeout(timer);
      worker.off("message", answered).off("exit", exited);
      resolve(empty);
    };
    const timer = setTimeout(() => settle(false), ANSWER_MS);
    const answered = (message: { readonly type: string; readonly empty?: boolean }) => {
      if (message.type === "ended") settle(message.empty === true);
    };
    const exited = () => settle(false);
    worker.on("message", answered).once("exit", exited);
    worker.postMessage({ type: "end" });
  });
}
