import type { IncomingHttpHeaders } from "node:http";
import type { AwsError } from "./services/service.ts";

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a request asks for. `input` names its members as the service's model does. */
export interface Asked {
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
}

/** One of AWS's wire protocols: how a request is read, and how an answer or an error is written. */
export interface Protocol {
  speaks(request: HttpRequest): boolean;
  /** @throws AwsError for a request that cannot be read */
  read(request: HttpRequest): Asked;
  write(request: HttpRequest, asked: Asked, output: unknown, requestId: string): HttpReply;
  writeError(request: HttpRequest, error: AwsError, requestId: string): HttpReply;
}

/** JSON as AWS writes it: timestamps are seconds since the epoch, blobs are base64. */
export function toWireJson(output: unknown): string {
  return JSON.stringify(convert(output)) ?? "null";
}

function convert(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(convert);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, convert(each)]));
}
