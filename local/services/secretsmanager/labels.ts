import {
  currentStays,
  labelNotAttached,
  noRoomForLabels,
  noStageChange,
  removeFromMissing,
  versionNotFound,
} from "./errors.ts";
import type { Secret } from "./store.ts";

export const CURRENT = "AWSCURRENT";
export const PENDING = "AWSPENDING";
export const PREVIOUS = "AWSPREVIOUS";

/** Labels attached to a secret across all its versions (quota). */
const MAX_LABELS = 20;

/** The labels of one version, in the alphabetical order of AWS's replies. */
export function labelsOf(secret: Secret, versionId: string): string[] {
  return [...secret.labels].flatMap(([label, holder]) => (holder === versionId ? [label] : [])).sort();
}

/** `VersionIdsToStages`: labelled versions only. Undefined when there is none, as AWS leaves the member out. */
export function versionIdsToStages(secret: Secret): Record<string, string[]> | undefined {
  if (secret.labels.size === 0) return undefined;
  const entries = [...secret.versions.keys()].map((id) => [id, labelsOf(secret, id)] as const);
  return Object.fromEntries(entries.filter(([, labels]) => labels.length > 0));
}

/** AWSCURRENT is on the token's version, and AWSPENDING is there too or nowhere. */
export function isPromoted(secret: Secret, token: string): boolean {
  return secret.labels.get(CURRENT) === token && !pendingElsewhere(secret, token);
}

/** AWSPENDING is on a version that is neither this one nor AWSCURRENT. */
export function pendingElsewhere(secret: Secret, token: string): boolean {
  const pending = secret.labels.get(PENDING);
  return pending !== undefined && pending !== token && pending !== secret.labels.get(CURRENT);
}

/** @throws LimitExceededException when attaching `labels` to the version would take the secret over its 20 labels */
export function assertRoomForLabels(secret: Secret, labels: readonly string[], versionId: string): void {
  const after = new Set([...secret.labels.keys(), ...labels]);
  const current = secret.labels.get(CURRENT);
  if (labels.includes(CURRENT) && current !== undefined && current !== versionId) after.add(PREVIOUS);
  if (after.size > MAX_LABELS) throw noRoomForLabels(MAX_LABELS);
}

/**
 * Attaches the labels to the version, taking each from where it was; AWSPREVIOUS follows when AWSCURRENT moves. Returns
 * the labels that moved to the version.
 */
export function attachLabels(secret: Secret, labels: readonly string[], versionId: string): string[] {
  const moved = [...new Set(labels)].filter((label) => secret.labels.get(label) !== versionId);
  const left = moved.includes(CURRENT) ? secret.labels.get(CURRENT) : undefined;
  for (const label of moved) secret.labels.set(label, versionId);
  if (left !== undefined) secret.labels.set(PREVIOUS, left);
  return moved;
}

export interface StageChange {
  readonly label: string;
  readonly removeFrom?: string | undefined;
  readonly moveTo?: string | undefined;
}

/**
 * UpdateSecretVersionStage's compare-and-swap (API reference, RemoveFromVersionId). AWSPENDING on the target is kept,
 * AWSPREVIOUS follows AWSCURRENT. Returns the label if it moved to a version, else nothing.
 *
 * @throws InvalidParameterException, ResourceNotFoundException, LimitExceededException; the labels are then as before
 */
export function changeStage(secret: Secret, { label, removeFrom, moveTo }: StageChange): string[] {
  const holder = secret.labels.get(label);
  if (removeFrom === undefined && moveTo === undefined) throw noStageChange();
  if (moveTo !== undefined && !secret.versions.has(moveTo)) throw versionNotFound();
  // Case 1: the caller names a version that the label is not on. Somebody else was faster.
  if (removeFrom !== undefined && removeFrom !== holder) throw labelNotAttached(label, removeFrom);
  // Case 2: the label is on another version that the caller did not name.
  if (removeFrom === undefined && holder !== undefined && holder !== moveTo) throw removeFromMissing(label, holder);
  if (moveTo !== undefined) {
    assertRoomForLabels(secret, [label], moveTo);
    return attachLabels(secret, [label], moveTo);
  }
  // Case 3: removal. A secret always has a version labelled AWSCURRENT.
  if (label === CURRENT) throw currentStays();
  secret.labels.delete(label);
  return [];
}
