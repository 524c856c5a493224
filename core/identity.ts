import { createHash } from "node:crypto";
import { v5 as uuidv5 } from "uuid";

/** The namespace of derived tokens. Never to change: a new one would give a running rotation a second identity. */
const NAMESPACE = "7b0c3f5e-2a41-5d0e-9c4b-6f1d8e2a7c90";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Execution names are looked for one by one; more attempts on one base than this are a loop, not a retry. */
export const MAX_ATTEMPTS = 50;

/**
 * The ClientRequestToken of a driven rotation. Two requests that saw the same base derive the same token, so that both
 * write one version and start one execution.
 */
export function deriveToken(secretArn: string, baseVersionId: string, attempt: number): string {
  return uuidv5(`${secretArn}|${baseVersionId}|${attempt}`, NAMESPACE);
}

/** Whether a token was derived from this base, that is, asked for through Rotor. */
export function isDerivedToken(token: string, secretArn: string, baseVersionId: string): boolean {
  const attempts = Array.from({ length: MAX_ATTEMPTS }, (_, index) => index + 1);
  return attempts.some((attempt) => deriveToken(secretArn, baseVersionId, attempt) === token.toLowerCase());
}

/**
 * The name of the execution that rotates a token in: deterministic, so that StartExecution by name is idempotent and
 * anybody who knows the version id can find the execution. At most 57 characters of [0-9A-Za-z-].
 */
export function executionName(secretArn: string, token: string): string {
  const tail = UUID.test(token) ? token : sha256(token).slice(0, 32);
  return `rot-${sha256(secretArn).slice(0, 16)}-${tail}`;
}

/** The name of the n-th repair of an execution (n from 1). */
export function repairName(name: string, n: number): string {
  return `${name}-r${n}`;
}

/** arn:aws:states:eu-west-1:123456789012:stateMachine:m + name = arn:aws:states:eu-west-1:123456789012:execution:m:name */
export function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
