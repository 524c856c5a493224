import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsError, type Service } from "./services/service.ts";
import { type Calls, ConnectionLost } from "./wire-calls.ts";
import { jsonProtocol } from "./wire-json.ts";
import { lambdaProtocol } from "./wire-lambda.ts";
import type { Asked, HttpReply, HttpRequest, Protocol } from "./wire-protocol.ts";
import { invalidAction, isLink, queryProtocol } from "./wire-query.ts";

export interface WireOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly services: readonly Service[];
  readonly calls: Calls;
  /** The function whose access key signed a request. */
  readonly functionOf: (accessKeyId: string) => string | undefined;
}

export interface Wire {
  /** "http://127.0.0.1:<port>" */
  readonly endpoint: string;
  /** From now on everything is answered with ServiceUnavailable (503): what is asked is neither done nor kept. */
  refuse(): void;
  /** Stops listening and breaks the connections that are open. */
  close(): Promise<void>;
}

/** Lambda's limit of a synchronous request, the largest of the account's services, in bytes. */
const BODY_BYTES = 6_291_456;
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
const PROTOCOLS: readonly Protocol[] = [jsonProtocol, lambdaProtocol, queryProtocol];

/**
 * The account's front door: one HTTP server on the loopback address that speaks AWS's wire protocols, so that an SDK
 * (by AWS_ENDPOINT_URL alone), the AWS CLI and boto3 (by endpoint_url) work.
 *
 * Differs from AWS: a request has to be signed, as every SDK does, but the signature, its date, its Region and its
 * service are not verified, and there is no IAM. There is no TLS. Requiring the Authorization header and a loopback
 * Host keeps web pages out: a browser sends neither to another origin without asking first, and is never told yes.
 *
 * @throws Error "PortInUse" when another process listens on `port`
 */
export async function startWire(options: WireOptions): Promise<Wire> {
  const services = new Map(options.services.map((service) => [service.name, service]));
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  // An idle connection is never closed from this side: a client about to reuse it would see that as a lost reply.
  server.keepAliveTimeout = 0;
  let refuses = false;
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    refuse() {
      refuses = true;
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    const body = await readBody(incoming);
    const url = new URL(incoming.url ?? "/", "http://127.0.0.1");
    const request: HttpRequest = {
      method: incoming.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body: body ?? "",
    };
    const protocol = PROTOCOLS.find((each) => each.speaks(request)) ?? jsonProtocol;
    try {
      if (body === undefined) throw new AwsError("RequestEntityTooLargeException", "The request is too large.", 413);
      refuseStrangers(request);
      if (refuses) throw new AwsError("ServiceUnavailable", "The account is closing.", 503);
      send(response, await answer(protocol, request, requestId));
    } catch (error) {
      if (error instanceof ConnectionLost) incoming.socket.destroy();
      else send(response, protocol.writeError(request, asAwsError(error), requestId));
    }
  }

  async function answer(protocol: Protocol, request: HttpRequest, requestId: string): Promise<HttpReply> {
    const asked = protocol.read(request);
    const operation = find(protocol, asked);
    const caller = options.functionOf(accessKeyOf(request));
    const call = { ...asked, ...(caller === undefined ? {} : { caller }) };
    const attemptOf = request.headers["amz-sdk-invocation-id"]?.toString();
    const output = await options.calls.perform(call, () => operation(asked.input), attemptOf);
    return protocol.write(request, asked, output, requestId);
  }

  function find(protocol: Protocol, { service, operation }: Asked) {
    const operations = services.get(service)?.operations ?? {};
    const found = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
    if (found !== undefined) return found;
    throw protocol === queryProtocol
      ? invalidAction(operation, "2010-03-31")
      : new AwsError("UnknownOperationException", "");
  }
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      const inUse = new Error(
        `Port ${port} of 127.0.0.1 is in use by another process: stop it, or choose another port.`,
      );
      inUse.name = "PortInUse";
      reject(inUse);
    });
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** undefined when it is over the limit; the rest is then read and dropped, so that the client hears the answer. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  return bytes <= BODY_BYTES ? Buffer.concat(chunks).toString("utf8") : undefined;
}

function refuseStrangers(request: HttpRequest): void {
  if (!LOOPBACK.test(request.headers.host ?? "")) {
    throw new AwsError("AccessDeniedException", "The embedded account answers to loopback names only.", 403);
  }
  if (!isLink(request) && !String(request.headers.authorization ?? "").startsWith("AWS4-")) {
    throw new AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403);
  }
}

/** The access key id of "AWS4-HMAC-SHA256 Credential=<access key id>/<date>/<region>/<service>/aws4_request, ...". */
function accessKeyOf(request: HttpRequest): string {
  return /Credential=([^/,\s]+)\//.exec(request.headers.authorization ?? "")?.[1] ?? "";
}

/** A fault of the account itself says where it is, and nothing of what was sent: that may be a secret. */
function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  const place = error instanceof Error ? (error.stack?.match(/^\s+at .*$/m)?.[0].trim() ?? "") : "";
  return new AwsError("InternalFailure", `A fault of the embedded account: ${name} ${place}`.trim(), 500);
}

function send(response: ServerResponse, reply: HttpReply): void {
  const body = Buffer.from(reply.body, "utf8");
  response.writeHead(reply.statusCode, { ...reply.headers, "content-length": body.length });
  response.end(body);
}
