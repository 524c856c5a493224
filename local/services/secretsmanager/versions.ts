import { noRoomForVersions, versionExists } from "./errors.ts";
import { assertRoomForLabels, attachLabels, CURRENT, labelsOf, PENDING } from "./labels.ts";
import type { Secret, SecretValue, Version } from "./store.ts";

/** Versions per secret (quota). */
const MAX_VERSIONS = 100;
/** A version without a label is never removed before it is this old, in ms. */
const KEPT_FOR_MS = 24 * 60 * 60 * 1000;

export interface NewValue {
  readonly token: string;
  readonly value: SecretValue;
  readonly labels: readonly string[];
}

export interface PutResult {
  readonly version: Version;
  /** True when the call brought the version id into being; filling a placeholder or repeating a call does not. */
  readonly created: boolean;
  /** The labels that moved to the version. */
  readonly moved: readonly string[];
}

/**
 * Stores a value under its token, once.
 * 1. The version has this value: the request is ignored, its labels included.
 * 2. The version has another value: refused.
 * 3. The version is a placeholder: it is filled.
 * 4. There is no such version: it is made. The first version of a secret also gets AWSCURRENT.
 *
 * @throws ResourceExistsException, LimitExceededException; nothing is stored then
 */
export function putVersion(secret: Secret, { token, value, labels }: NewValue, now: number): PutResult {
  const existing = secret.versions.get(token);
  if (existing?.value !== undefined) {
    if (!sameValue(existing.value, value)) throw versionExists(token, secret.arn);
    return { version: existing, created: false, moved: [] };
  }
  const wanted = secret.versions.size === 0 && !labels.includes(CURRENT) ? [...labels, CURRENT] : labels;
  assertRoomForLabels(secret, wanted, token);
  const version = existing ?? addVersion(secret, token, now);
  version.value = value;
  dropFinishedPending(secret, wanted, token);
  const moved = attachLabels(secret, wanted, token);
  if (moved.includes(CURRENT)) secret.scheduleFrom = now;
  return { version, created: existing === undefined, moved };
}

/**
 * RotateSecret's version: an id with AWSPENDING and no value. A version that exists is taken as it is.
 *
 * @throws LimitExceededException
 */
export function putPlaceholder(secret: Secret, token: string, now: number): void {
  assertRoomForLabels(secret, [PENDING], token);
  if (!secret.versions.has(token)) addVersion(secret, token, now);
  attachLabels(secret, [PENDING], token);
}

/** Takes AWSPENDING off the version, and the version away if nothing else holds it and it never got a value. */
export function removePlaceholder(secret: Secret, token: string): void {
  if (secret.labels.get(PENDING) === token) secret.labels.delete(PENDING);
  const isEmpty = secret.versions.get(token)?.value === undefined;
  if (isEmpty && labelsOf(secret, token).length === 0) secret.versions.delete(token);
}

function addVersion(secret: Secret, id: string, now: number): Version {
  makeRoom(secret, now);
  const version: Version = { id, created: now };
  secret.versions.set(id, version);
  return version;
}

function makeRoom(secret: Secret, now: number): void {
  for (const { id, created } of [...secret.versions.values()]) {
    if (secret.versions.size < MAX_VERSIONS) return;
    if (labelsOf(secret, id).length === 0 && now - created >= KEPT_FOR_MS) secret.versions.delete(id);
  }
  if (secret.versions.size >= MAX_VERSIONS) throw noRoomForVersions(MAX_VERSIONS);
}

/** A write that takes AWSCURRENT from a version takes a leftover AWSPENDING off it too (recorded on AWS). */
function dropFinishedPending(secret: Secret, labels: readonly string[], token: string): void {
  const current = secret.labels.get(CURRENT);
  const leaves = current !== undefined && current !== token && labels.includes(CURRENT);
  if (leaves && secret.labels.get(PENDING) === current) secret.labels.delete(PENDING);
}

function sameValue(a: SecretValue, b: SecretValue): boolean {
  if ("SecretString" in a) return "SecretString" in b && a.SecretString === b.SecretString;
  return "SecretBinary" in b && a.SecretBinary === b.SecretBinary;
}
