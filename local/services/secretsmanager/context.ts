import type { Place } from "../service.ts";
import type { Events } from "./events.ts";
import type { OwnerRotations } from "./owner-rotations.ts";
import type { Rotations } from "./rotation.ts";
import type { RotationSchedules } from "./rotation-schedules.ts";
import type { Secret, SecretValue, Store } from "./store.ts";
import { type NewValue, type PutResult, putVersion } from "./versions.ts";

/** What the operations share. */
export interface Context {
  readonly place: Place;
  readonly now: () => number;
  readonly store: Store;
  readonly events: Events;
  readonly rotations: Rotations;
  readonly ownerRotations: OwnerRotations;
  readonly schedules: RotationSchedules;
  /** Every value ever stored. */
  readonly values: Set<string>;
  readonly functionExists: (arn: string) => boolean;
  /** To be called after a change of which no event tells, outside of an operation that CloudTrail records. */
  readonly save: (secret: Secret) => void;
}

/**
 * Stores a value and tells everybody who has to know: the label event, and a rotation that this version ends.
 *
 * @throws ResourceExistsException, LimitExceededException
 */
export function storeValue(context: Context, secret: Secret, value: NewValue): PutResult {
  const result = putVersion(secret, value, context.now());
  context.values.add(textOf(value.value));
  if (result.moved.length > 0 || result.created) secret.lastChanged = context.now();
  context.events.labelsMoved(secret, result.moved, result.version.id);
  if (result.created) context.rotations.versionCreated(secret, result.version.id);
  return result;
}

export function textOf(value: SecretValue): string {
  return "SecretString" in value ? value.SecretString : value.SecretBinary;
}

/** The day a time falls in: AWS gives LastAccessedDate without a time. */
export function day(milliseconds: number): number {
  const date = new Date(milliseconds);
  return date.setUTCHours(0, 0, 0, 0);
}

export function dateOf(milliseconds: number | undefined): Date | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds);
}
