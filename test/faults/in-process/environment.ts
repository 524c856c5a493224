import { createRequire } from "node:module";
import { format } from "node:util";
import { Script } from "node:vm";
import type { Account } from "../../../local/account.ts";
import {
  type Environment,
  exitMessage,
  fail,
  type Invocation,
  type Outcome,
  type StartEnvironment,
  succeed,
} from "../../../local/services/lambda-environment.ts";
import type { Code } from "./bundle.ts";
import type { FunctionPlace } from "./place.ts";
import { thinClient } from "./thin-client.ts";

/** Thrown by a hook or by what stands for a target: the function dies there. Nothing of it runs any more, no `finally` either. */
export class Crash extends Error {
  override readonly name = "Crash";
}

export interface InProcessOptions {
  readonly code: Partial<Code>;
  readonly account: () => Account;
  /** Effects that are not calls of AWS. `caller`: the function. */
  readonly askTarget: (
    request: Parameters<FunctionPlace["askTarget"]>[0],
    caller: string,
  ) => ReturnType<FunctionPlace["askTarget"]>;
  readonly askDependent: (
    request: Parameters<FunctionPlace["askDependent"]>[0],
    caller: string,
  ) => ReturnType<FunctionPlace["askDependent"]>;
  /** What takes the place of `node:net` in a function that reaches its target by itself. Default: the module. */
  readonly net?: (owner: Owner) => object;
  /** How a function's own pause is taken; undefined: it is no pause, but a limit that is not to be reached. */
  readonly pause: (functionName: string, milliseconds: number, payload: string) => Promise<unknown> | undefined;
}

/** Whose a socket is. */
export interface Owner {
  readonly functionName: string;
  /** Nobody who is dead goes through a door. */
  isAlive(): boolean;
  /** As if it had met a Crash. */
  die(): void;
}

/** For whose sake an effect is: the payload of the invocation that it belongs to, by the effect's input. */
export const payloads = new WeakMap<object, string>();

type Handler = (event: unknown, context: object) => Promise<unknown>;

const requireHere = createRequire(import.meta.url);

/**
 * Runs functions in this process: each environment has modules, `process.env` and time of its own, and ends where it is told to. In
 * place of a thread and sockets it has calls, so that a rotation takes some milliseconds, and the same one is the same each time.
 */
export function inProcess(options: InProcessOptions): StartEnvironment {
  const compiled = new Map<string, Script>();
  return ({ functionName, functionArn, variables, data, print }) => {
    let alive = true;
    let end: ((outcome: Outcome) => void) | undefined;
    let requestId = "";
    let payload = "";
    const die = () => {
      alive = false;
      end?.(fail({ errorType: "Runtime.ExitError", errorMessage: exitMessage(requestId, "exit status 1") }));
    };

    /** The one door: nobody who is dead goes through, nor is anything that comes back heard. */
    const effect = <T>(run: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        if (!alive) return;
        run().then(
          (value) => {
            if (alive) resolve(value);
          },
          (error: unknown) => {
            if (error instanceof Crash) die();
            else if (alive) reject(error);
          },
        );
      });

    const account = options.account();
    const handler = load({
      config: data,
      client: (service) =>
        thinClient(service, (call) => {
          payloads.set(call.input as object, payload);
          return effect(() => account.perform({ ...call, caller: functionName }));
        }),
      askTarget: (request) => {
        payloads.set(request, payload);
        return effect(() => options.askTarget(request, functionName));
      },
      askDependent: (request) => {
        payloads.set(request, payload);
        return effect(() => options.askDependent(request, functionName));
      },
    });

    const environment: Environment = {
      get alive() {
        return alive;
      },
      run: (invocation: Invocation) =>
        new Promise((resolve) => {
          requestId = invocation.requestId;
          payload = invocation.payload;
          end = resolve;
          void invoke(handler, invocation).then((outcome) => {
            if (alive) resolve(outcome);
          });
        }),
      async terminate() {
        if (alive) die();
      },
      async end() {
        alive = false;
      },
    };
    return environment;

    async function invoke(run: Handler, invocation: Invocation): Promise<Outcome> {
      const deadline = account.clock.now() + invocation.timeoutMs;
      const context = {
        awsRequestId: requestId,
        functionName,
        invokedFunctionArn: functionArn,
        getRemainingTimeInMillis: () => Math.max(0, deadline - account.clock.now()),
      };
      try {
        return succeed(JSON.stringify((await run(JSON.parse(invocation.payload), context)) ?? null));
      } catch (error) {
        const { name, message, stack } = error as Error;
        return fail({ errorType: name, errorMessage: message, trace: String(stack ?? "").split("\n") });
      }
    }

    function load(place: FunctionPlace): Handler {
      const say = (stream: "stdout" | "stderr") => ({
        write(text: string) {
          if (alive) print(stream, text);
        },
      });
      const out = say("stdout");
      const log = (...parts: unknown[]) => out.write(format(...parts));
      const console = { log, info: log, warn: log, error: log, debug: log, trace: log };
      const ownConsole = function Console() {
        return { ...console };
      };
      const own = {
        module: { exports: {} as { handler?: Handler } },
        require(id: string) {
          if (id === "node:console") return { Console: ownConsole };
          if (id !== "node:net" || options.net === undefined) return requireHere(id);
          return options.net({ functionName, isAlive: () => alive, die });
        },
        process: Object.create(process, {
          env: { value: { ...variables } },
          stdout: { value: out },
          stderr: { value: say("stderr") },
        }),
        console,
        Date: dateOf(() => account.clock.now()),
        setTimeout: (run: () => void, milliseconds = 0) => {
          const timer = { stopped: false, unref: () => timer, ref: () => timer };
          void options.pause(functionName, milliseconds, payload)?.then(() => {
            if (!timer.stopped && alive) run();
          });
          return timer;
        },
        clearTimeout: (timer?: { stopped: boolean }) => {
          if (timer !== undefined) timer.stopped = true;
        },
        __place: place,
      };
      script(functionName).runInThisContext()(...Object.values(own));
      const handler = own.module.exports.handler;
      if (handler === undefined) throw new Error(`Function ${functionName} exports no handler.`);
      return handler;

      function script(name: string): Script {
        const known = compiled.get(name);
        if (known !== undefined) return known;
        const code =
          options.code[name as keyof Code] ?? options.code[name.replace(/-(mariadb|redis|lambda)$/, "") as keyof Code];
        if (code === undefined) throw new Error(`Function ${name} was not bundled.`);
        const names = Object.keys(own).join(", ");
        const fresh = new Script(`(function (${names}) {${code}\n})`, { filename: `${name}.js` });
        compiled.set(name, fresh);
        return fresh;
      }
    }
  };
}

function dateOf(now: () => number): typeof Date {
  return new Proxy(Date, {
    construct: (target, parameters, newTarget) =>
      Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, newTarget),
    get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
  });
}
