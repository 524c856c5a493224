import { AwsError } from "../../../local/services/service.ts";
import type { Call } from "../../../local/wire-calls.ts";

type Perform = (call: Call) => Promise<unknown>;

interface Command {
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

/** What the account calls a service, by the name of the SDK's client. */
const SERVICES: Readonly<Record<string, string>> = {
  "secrets-manager": "secretsmanager",
  sfn: "states",
  lambda: "lambda",
  sns: "sns",
  eventbridge: "events",
  ecs: "ecs",
};

/**
 * Clients and commands of one service, by the SDK's names. A call is made once: what it is answered with is what the SDK's own
 * retry would have left.
 */
export function thinClient(service: string, perform: Perform): object {
  const name = SERVICES[service] ?? service;
  const made = new Map<string, unknown>();
  return new Proxy(
    {},
    {
      get(_none, key) {
        if (typeof key !== "string" || !/^[A-Z]/.test(key)) return undefined;
        const known = made.get(key) ?? (key.endsWith("Command") ? command(key.slice(0, -7)) : client(name, perform));
        made.set(key, known);
        return known;
      },
    },
  );
}

function command(operation: string) {
  return class implements Command {
    readonly operation = operation;
    readonly input: Record<string, unknown>;

    constructor(input: Record<string, unknown> = {}) {
      this.input = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
    }
  };
}

function client(service: string, perform: Perform) {
  return class {
    /** What is added to it concerns the SDK's own requests. */
    readonly middlewareStack = { add() {} };

    async send({ operation, input }: Command): Promise<unknown> {
      try {
        const output = await perform({ service, operation, input: service === "lambda" ? parsed(input) : input });
        return service === "lambda"
          ? serialised(output)
          : { ...(output as object), $metadata: { httpStatusCode: 200 } };
      } catch (error) {
        throw asSdkError(error);
      }
    }
  };
}

/** As the SDK throws it: by its name, with the class of the fault. */
function asSdkError(error: unknown): Error {
  if (!(error instanceof AwsError)) return error as Error;
  const thrown = Object.assign(new Error(error.message), {
    $fault: error.statusCode >= 500 ? "server" : "client",
    $metadata: { httpStatusCode: error.statusCode },
  });
  thrown.name = error.name;
  return thrown;
}

function parsed(input: Record<string, unknown>): object {
  const { Payload } = input;
  if (Payload === undefined) return input;
  const text = typeof Payload === "string" ? Payload : Buffer.from(Payload as Uint8Array).toString("utf8");
  return { ...input, Payload: JSON.parse(text) };
}

function serialised(output: unknown): object {
  const { Payload, ...rest } = output as { Payload?: unknown };
  const bytes =
    Payload === undefined
      ? {}
      : {
          Payload: Object.assign(Buffer.from(JSON.stringify(Payload)), {
            transformToString: () => JSON.stringify(Payload),
          }),
        };
  return { ...rest, ...bytes, $metadata: { httpStatusCode: 200 } };
}
