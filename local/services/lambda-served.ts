import { request } from "node:http";
import {
  type Environment,
  exitMessage,
  fail,
  type Invocation,
  type Outcome,
  succeed,
  timedOut,
} from "./lambda-environment.ts";

/** The one path of AWS's emulator of the runtime interface, whatever the function is called. */
const PATH = "/2015-03-31/functions/function/invocations";

/**
 * An environment in a process of somebody else's. Its invocations are posted there; the connection is what ends with a timeout, and
 * the process goes on.
 *
 * AWS's emulator answers an error of the handler with status 200 and the error as its body, so a body with errorType and errorMessage
 * is one, as any other status is.
 */
export function servedEnvironment(address: string): Environment {
  const ended = new AbortController();
  const end = async () => ended.abort();
  return {
    get alive() {
      return !ended.signal.aborted;
    },
    async run(invocation) {
      const timeout = AbortSignal.timeout(invocation.timeoutMs);
      try {
        return toOutcome(await post(address, invocation, AbortSignal.any([timeout, ended.signal])), invocation);
      } catch (error) {
        if (timeout.aborted) return timedOut(invocation);
        const { code } = error as { readonly code?: string };
        const reason = ended.signal.aborted ? "signal: killed" : `no answer from ${address} (${code})`;
        return fail({ errorType: "Runtime.ExitError", errorMessage: exitMessage(invocation.requestId, reason) });
      }
    },
    terminate: end,
    end,
  };
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function post(address: string, { requestId, payload }: Invocation, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "lambda-runtime-aws-request-id": requestId };
    const sent = request(new URL(PATH, address), { method: "POST", headers, signal, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("error", reject).on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject).end(payload);
  });
}

function toOutcome({ status, body }: Reply, invocation: Invocation): Outcome {
  // What the emulator says of its own timeout is no JSON.
  if (/^Task timed out after [\d.]+ seconds$/.test(body)) return timedOut(invocation);
  const value = body === "" ? null : parse(body);
  if (isError(value)) return fail(value);
  if (status === 200 && value !== undefined) return succeed(body === "" ? "null" : body);
  const errorMessage = exitMessage(invocation.requestId, `status ${status}`);
  return fail({ errorType: "Runtime.ExitError", errorMessage });
}

function isError(value: unknown): value is { readonly errorType: string; readonly errorMessage: string } {
  const { errorType, errorMessage } = Object(value) as Record<string, unknown>;
  return typeof errorType === "string" && typeof errorMessage === "string";
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
