import { AwsError, type InvokeResult } from "./services/service.ts";
import { type Protocol, toWireJson } from "./wire-protocol.ts";

const INVOCATIONS = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

/** The one REST operation of the account: Lambda's Invoke. Body and answer are the payload itself. */
export const lambdaProtocol: Protocol = {
  speaks: (request) => request.path.startsWith("/2015-03-31/"),
  read(request) {
    const match = INVOCATIONS.exec(request.path);
    if (match === null || request.method !== "POST") throw new AwsError("UnknownOperationException", "", 404);
    const name = decodeURIComponent(match[1] ?? "");
    const qualifier = request.query.get("Qualifier");
    const type = request.headers["x-amz-invocation-type"];
    const input = {
      FunctionName: qualifier === null ? name : `${name}:${qualifier}`,
      ...(type === undefined ? {} : { InvocationType: String(type) }),
      Payload: parse(request.body),
    };
    return { service: "lambda", operation: "Invoke", input };
  },
  write(_request, _asked, output, requestId) {
    const result = output as Partial<InvokeResult>;
    const headers = {
      "content-type": "application/json",
      "x-amzn-requestid": requestId,
      ...(result.ExecutedVersion === undefined ? {} : { "x-amz-executed-version": result.ExecutedVersion }),
      ...(result.FunctionError === undefined ? {} : { "x-amz-function-error": result.FunctionError }),
    };
    return {
      statusCode: result.StatusCode ?? 200,
      headers,
      body: "Payload" in result ? toWireJson(result.Payload) : "",
    };
  },
  writeError(_request, error, requestId) {
    const headers = {
      "content-type": "application/json",
      "x-amzn-requestid": requestId,
      "x-amzn-errortype": error.name,
    };
    const type = error.statusCode < 500 ? "User" : "Service";
    return { statusCode: error.statusCode, headers, body: JSON.stringify({ Type: type, Message: error.message }) };
  },
};

function parse(body: string): unknown {
  if (body === "") return {};
  try {
    return JSON.parse(body);
  } catch {
    throw new AwsError(
      "InvalidRequestContentException",
      "Could not parse request body into json: it is not valid JSON",
    );
  }
}
