/** What the account's Lambda is told of a function: one that it runs itself, or one that is served elsewhere. */
export type FunctionDefinition = BundledFunction | ServedFunction;

interface AnyFunction {
  readonly name: string;
  readonly timeoutMs: number;
  /** ARN of what is told of asynchronous invocations that were given up. */
  readonly onFailure?: string | undefined;
}

export interface BundledFunction extends AnyFunction {
  /**
   * A bundled module that exports `handler`. A CommonJS one, named `.cjs`, is compiled once in a thread, for one environment after the
   * other: its file never changes, and has no `import()`. An ES module has a thread to itself, where it could not be evaluated twice
   * without staying twice.
   */
  readonly file: string;
  /** Heap limit of an environment; default 256. */
  readonly memoryMegabytes?: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Handed to the module as `workerData.config`: what a deployment would have bundled. */
  readonly data?: unknown;
}

/** A function in any language: a process that somebody else has started, and that takes invocations as AWS's emulator of its runtime does. */
export interface ServedFunction extends AnyFunction {
  /** Where it listens, such as "http://127.0.0.1:9000". */
  readonly address: string;
}
