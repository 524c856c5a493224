import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-status.ts";

/**
 * Ctrl-C, and what else asks this process to end. From then on AWS is asked for nothing: a read that is under way is not waited
 * for. A change that was sent is, because it may have been made: the command goes on until it would call AWS again, and so tells it.
 */
export class Interruption {
  /** Never resolves. Rejects once nothing is under way that has to be waited for. */
  readonly halted: Promise<never>;
  readonly #asked = new AbortController();
  readonly #halt: (error: CliError) => void;
  readonly #changed: string[] = [];
  readonly #underWay = { reads: 0, changes: 0 };
  #parting: (() => string) | undefined;

  constructor() {
    const { promise, reject } = withResolvers();
    this.halted = promise;
    this.#halt = reject;
  }

  /** Aborted as soon as it is asked for. */
  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  /** Whether a change was sent, and AWS has not answered yet. */
  get isWaiting(): boolean {
    return this.#underWay.changes > 0;
  }

  interrupt(): void {
    this.#asked.abort();
    if (this.#underWay.reads > 0 && !this.isWaiting) void this.#end();
  }

  /** What is said where it ends while something goes on by itself; undefined: nothing does any more. */
  partsWith(say: (() => string) | undefined): void {
    this.#parting = say;
  }

  /** Has every call of these clients obey. */
  govern(clients: Readonly<Record<string, Governed>>): void {
    for (const { middlewareStack } of Object.values(clients)) {
      middlewareStack.add(
        (next, { commandName }) =>
          (call) =>
            this.#perform(next, commandName, call),
        {
          ...{ step: "initialize", name: "interruption", priority: "high" },
        },
      );
    }
  }

  async #perform<T>(next: (call: Call) => Promise<T>, commandName: string, call: Call): Promise<T> {
    if (this.signal.aborted) return await this.#end();
    const kind = isChange(commandName, call.input) ? "changes" : "reads";
    this.#underWay[kind] += 1;
    const reply = await next(call).finally(() => {
      this.#underWay[kind] -= 1;
    });
    if (kind === "changes") this.#changed.push(commandName.replace(/Command$/, ""));
    return reply;
  }

  /** Nothing that follows is done any more: it never comes to that. */
  #end(): Promise<never> {
    this.#halt(new CliError(EXIT.interrupted, this.#parting?.() ?? this.#done()));
    return new Promise(() => {});
  }

  #done(): string {
    if (this.#changed.length === 0) return "Interrupted: nothing was changed.";
    return `Interrupted after ${this.#changed.join(", ")}: that was done, and nothing after it.`;
  }
}

// --- internal ---

interface Call {
  readonly input: object;
}

interface Governed {
  readonly middlewareStack: {
    add(
      // biome-ignore lint/suspicious/noExplicitAny: the SDK's stacks differ by the client's inputs and outputs
      middleware: (next: any, context: any) => (call: any) => Promise<any>,
      options: { readonly step: "initialize"; readonly name: string; readonly priority: "high" },
    ): void;
  };
}

/** Of the functions that the CLI calls only dispatch changes anything; the others are asked what they see. */
function isChange(commandName: string, input: object): boolean {
  if (commandName !== "InvokeCommand") return !/^(Get|List|Describe|Lookup|Test)/.test(commandName);
  const { FunctionName, InvocationType } = input as {
    readonly FunctionName?: string;
    readonly InvocationType?: string;
  };
  return InvocationType !== "DryRun" && /\bdispatch$/.test(FunctionName ?? "");
}

function withResolvers(): { readonly promise: Promise<never>; readonly reject: (error: CliError) => void } {
  let reject: (error: CliError) => void = () => {};
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  return { promise, reject };
}
