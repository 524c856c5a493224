import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsError, type Operation } from "../../local/services/service.ts";
import { type Calls, ConnectionLost, createCalls } from "../../local/wire-calls.ts";
import { toWireJson } from "../../local/wire-protocol.ts";

/** What of AWS the embedded account lacks and dependents need, behind AWS's wire protocols: ECS, and Lambda's configuration. */
export interface FakeAws extends AsyncDisposable {
  /** What an SDK in this process needs to come here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sees every call, and may change its fate: see local/wire-calls.ts. */
  readonly calls: Calls;
}

type Operations = Readonly<Record<string, Operation>>;

const ECS_TARGET = "AmazonEC2ContainerServiceV20141113.";
const LAMBDA_PATH = /^\/2015-03-31\/functions\/([^/]+)\/(configuration|invocations)$/;
const LAMBDA_OPERATIONS: Readonly<Record<string, string>> = {
  "GET configuration": "GetFunctionConfiguration",
  "PUT configuration": "UpdateFunctionConfiguration",
  "POST invocations": "Invoke",
};

export async function startFakeAws(services: {
  readonly ecs?: Operations;
  readonly lambda?: Operations;
}): Promise<FakeAws> {
  const calls = createCalls();
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const { service, operation, input } = read(request, body);
    try {
      const run = services[service]?.[operation];
      if (run === undefined) throw new AwsError("UnknownOperationException", operation);
      const output = await calls.perform({ service, operation, input }, () => run(input));
      answer(response, operation, output);
    } catch (error) {
      if (error instanceof ConnectionLost) return void request.socket.destroy();
      refuse(response, error instanceof AwsError ? error : new AwsError("InternalFailure", String(error), 500));
    }
  }

  return {
    environment: {
      AWS_ENDPOINT_URL_ECS: endpoint,
      AWS_ENDPOINT_URL_LAMBDA: endpoint,
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: "AKIATEST",
      AWS_SECRET_ACCESS_KEY: "test",
    },
    calls,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** ECS speaks AWS JSON 1.1, Lambda REST. */
function read(request: IncomingMessage, body: string) {
  const target = String(request.headers["x-amz-target"] ?? "");
  if (target.startsWith(ECS_TARGET)) {
    return { service: "ecs" as const, operation: target.slice(ECS_TARGET.length), input: JSON.parse(body) as object };
  }
  const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
  const [, name = "", resource = ""] = LAMBDA_PATH.exec(pathname) ?? [];
  const FunctionName = decodeURIComponent(name);
  const operation = LAMBDA_OPERATIONS[`${request.method} ${resource}`] ?? pathname;
  const parsed = body === "" ? {} : (JSON.parse(body) as object);
  const input = operation === "Invoke" ? { FunctionName, Payload: parsed } : { FunctionName, ...parsed };
  return { service: "lambda" as const, operation, input };
}

function answer(response: ServerResponse, operation: string, output: unknown): void {
  if (operation !== "Invoke") {
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end(toWireJson(output ?? {}));
    return;
  }
  const { FunctionError, body } = output as { readonly FunctionError?: string; readonly body: string };
  const failed = FunctionError === undefined ? {} : { "x-amz-function-error": FunctionError };
  response.writeHead(200, { "content-type": "application/json", ...failed }).end(body);
}

function refuse(response: ServerResponse, { name, message, statusCode }: AwsError): void {
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amzn-errortype": name };
  response.writeHead(statusCode, headers).end(JSON.stringify({ __type: name, message, Message: message }));
}
