import { type ZodType, z } from "zod";
import { AwsError } from "../service.ts";
import { invalidParameter, tokenMissing, valueMissing } from "./errors.ts";
import type { SecretValue } from "./store.ts";

/** Bytes in a secret value (quota). */
const MAX_VALUE_BYTES = 65_536;

// The members' constraints, from the service's API model.
export const secretId = z.string().min(1).max(2048);
export const versionId = z.string().min(32).max(64);
export const stage = z.string().min(1).max(256);
export const stages = z.array(stage).min(1).max(20);
export const description = z.string().max(2048);
export const kmsKeyId = z.string().max(2048);
export const maxResults = z.int().min(1).max(100);
export const nextToken = z.string().min(1).max(4096);
export const rotationToken = z
  .string()
  .min(36)
  .max(256)
  .regex(/^[a-zA-Z0-9-]+$/);
export const tagKey = z.string().min(1).max(128);
export const tags = z.array(z.object({ Key: tagKey, Value: z.string().max(256) })).max(50);
export const secretString = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= MAX_VALUE_BYTES, { error: lengthAtMost(MAX_VALUE_BYTES) });
/** Bytes, or the base64 text that the wire carries; base64 text from here on. */
export const secretBinary = z
  .union([z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString("base64")), z.base64()])
  .refine((text) => Buffer.byteLength(text, "base64") <= MAX_VALUE_BYTES, { error: lengthAtMost(MAX_VALUE_BYTES) });

/**
 * Parses a request. JSON's null is an absent member.
 *
 * @throws ValidationException in AWS's words; it names members, never values
 */
export function parse<T>(schema: ZodType<T>, input: unknown): T {
  const request = Object.fromEntries(Object.entries(input ?? {}).filter(([, member]) => member !== null));
  const result = schema.safeParse(request);
  if (result.success) return result.data;
  const { issues } = result.error;
  const problems = issues.map(
    (issue) => `Value at '${memberPath(issue)}' failed to satisfy constraint: ${wording(issue, request)}`,
  );
  const count = `${issues.length} validation error${issues.length === 1 ? "" : "s"} detected`;
  throw new AwsError("ValidationException", `${count}: ${problems.join("; ")}`);
}

/**
 * The token of a request, which becomes a VersionId.
 *
 * @throws `missing` (as AWS names it for the operation), InvalidParameterException
 */
export function requireToken(
  token: string | undefined,
  missing: "InvalidRequestException" | "InvalidParameterException" = "InvalidRequestException",
): string {
  if (token === undefined || token === "") throw tokenMissing(missing);
  if (token.length < 32 || token.length > 64) {
    throw invalidParameter("ClientRequestToken must be 32-64 characters long.");
  }
  return token;
}

interface ValueMembers {
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: string | undefined;
}

/** @throws InvalidParameterException when both members are there */
export function optionalValue({ SecretString, SecretBinary }: ValueMembers): SecretValue | undefined {
  if (SecretString !== undefined && SecretBinary !== undefined) {
    throw invalidParameter(
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  }
  if (SecretString !== undefined) return { SecretString };
  return SecretBinary === undefined ? undefined : { SecretBinary };
}

/** @throws InvalidRequestException, InvalidParameterException */
export function requireValue(members: ValueMembers): SecretValue {
  const value = optionalValue(members);
  if (value === undefined) throw valueMissing();
  return value;
}

/** Refuses documented members whose effect this account does not have: an option that does nothing would be a lie. */
export function refuseUnsupported(input: unknown, members: readonly string[]): void {
  const request = (input ?? {}) as Record<string, unknown>;
  const used = members.filter((member) => request[member] !== undefined && request[member] !== null);
  if (used.length > 0) throw invalidParameter(`The embedded account does not support ${used.join(", ")}.`);
}

type Issue = z.core.$ZodIssue;

function wording(issue: Issue, request: unknown): string {
  switch (issue.code) {
    case "too_small":
      return `Member must have ${measure(issue.origin)} greater than or equal to ${issue.minimum}`;
    case "too_big":
      return `Member must have ${measure(issue.origin)} less than or equal to ${issue.maximum}`;
    case "invalid_format":
      return `Member must satisfy regular expression pattern: ${issue.pattern ?? issue.format}`;
    case "invalid_value":
      return `Member must satisfy enum value set: [${issue.values.join(", ")}]`;
    case "invalid_type":
      return isMissing(issue, request) ? "Member must not be null" : `Member must be of type ${issue.expected}`;
    case "custom":
      return issue.message;
    default:
      return "Member is not valid";
  }
}

function lengthAtMost(limit: number): string {
  return `Member must have length less than or equal to ${limit}`;
}

function measure(origin: string): string {
  return origin === "string" || origin === "array" ? "length" : "value";
}

function isMissing(issue: Issue, request: unknown): boolean {
  let value = request;
  for (const key of issue.path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return value === undefined;
}

/** Coral's form: lower-camel names, list members counted from 1. */
function memberPath(issue: Issue): string {
  const parts = issue.path.map((key) => (typeof key === "number" ? `${key + 1}.member` : lowerFirst(String(key))));
  return parts.join(".");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
