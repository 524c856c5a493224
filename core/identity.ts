import { createHash } from "node:crypto";
import { v5 as uuidv5 } from "uuid";

/** The namespace of derived tokens. Never to change: a new one would give a running rotation a second identity. */
const NAMESPACE = "7b0c3f5e-2a41-5d0e-9c4b-6f1d8e2a7c90";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Execution names are looked for one by one; more attempts on one base than this are a loop, not a retry. */
export const MAX_ATTEMPTS = 50;

/**
 * What a derived token was asked for as. The kind is part of what is hashed, so whoever knows secret, base and token knows
 * it, and nothing besides the token has to carry it through Secrets Manager and Step Functions.
 */
export const REQUEST_KINDS = ["ordinary", "emergency", "rehearsal", "rehearsed"] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/**
 * The ClientRequestToken of a rotation that was asked for through Rotor. Two requests that saw the same base derive the same
 * token, so that both write one version and start one execution.
 */
export function deriveToken(
  secretArn: string,
  baseVersionId: string,
  attempt: number,
  kind: RequestKind = "ordinary",
): string {
  const ordinal = kind === "ordinary" ? `${attempt}` : `${kind}-${attempt}`;
  return uuidv5(`${secretArn}|${baseVersionId}|${ordinal}`, NAMESPACE);
}

/** What a token was asked for as, from this base; undefined when it was not derived from it. Pure. */
export function requestOf(
  token: string,
  secretArn: string,
  baseVersionId: string,
): { readonly kind: RequestKind; readonly attempt: number } | undefined {
  const wanted = token.toLowerCase();
  for (const kind of REQUEST_KINDS) {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      if (deriveToken(secretArn, baseVersionId, attempt, kind) === wanted) return { kind, attempt };
    }
  }
  return undefined;
}

/** The id of the copy that is made of a version while a candidate is taken back. Never one of a rotation. Pure. */
export function copyId(secretArn: string, candidate: string, copied: string): string {
  return uuidv5(`${secretArn}|${candidate}|copy-${copied}`, NAMESPACE);
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

/** The name of the execution that it is a repair of, or its own. */
export function originalName(name: string): string {
  return name.replace(/-r\d+$/, "");
}

/** arn:aws:states:eu-west-1:123456789012:stateMachine:m + name = arn:aws:states:eu-west-1:123456789012:execution:m:name */
export function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
