import { AwsError } from "./services/service.ts";
import { type HttpReply, type HttpRequest, type Protocol, toWireJson } from "./wire-protocol.ts";

/** The prefix of X-Amz-Target -> the service. */
const SERVICES: Readonly<Record<string, string>> = {
  secretsmanager: "secretsmanager",
  AWSStepFunctions: "states",
  AWSEvents: "events",
  CloudTrail_20131101: "cloudtrail",
};

/** AWS JSON 1.0 and 1.1: everything is POST /, and X-Amz-Target names the operation. */
export const jsonProtocol: Protocol = {
  speaks: (request) => request.headers["x-amz-target"] !== undefined,
  read(request) {
    const [prefix = "", operation = ""] = String(request.headers["x-amz-target"]).split(".");
    const service = SERVICES[prefix];
    if (service === undefined) throw new AwsError("UnknownOperationException", "");
    return { service, operation, input: parse(request.body) };
  },
  write(request, _asked, output, requestId) {
    return reply(request, 200, toWireJson(output ?? {}), requestId);
  },
  writeError(request, error, requestId) {
    // Secrets Manager writes "Message", the others "message"; an SDK reads both.
    const member = String(request.headers["x-amz-target"]).startsWith("secretsmanager.") ? "Message" : "message";
    const body = { __type: error.name, ...(error.message === "" ? {} : { [member]: error.message }) };
    return reply(request, error.statusCode, JSON.stringify(body), requestId, { "x-amzn-errortype": error.name });
  },
};

function parse(body: string): unknown {
  if (body.trim() === "") return {};
  let input: unknown;
  try {
    input = JSON.parse(body);
  } catch {
    throw new AwsError("SerializationException", "");
  }
  if (input === null || typeof input !== "object" || Array.isArray(input)) {
    throw new AwsError("SerializationException", "Start of structure or map found where not expected.");
  }
  return input;
}

function reply(
  request: HttpRequest,
  statusCode: number,
  body: string,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  const sent = String(request.headers["content-type"] ?? "");
  const contentType = sent.startsWith("application/x-amz-json-1.0")
    ? "application/x-amz-json-1.0"
    : "application/x-amz-json-1.1";
  return { statusCode, headers: { "content-type": contentType, "x-amzn-requestid": requestId, ...headers }, body };
}
