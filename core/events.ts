import * as z from "zod/mini";
import { MAX_ATTEMPTS } from "./identity.ts";

/** Our own events on the rotation bus: one noun, one verb in the past. */
export const ROTATION_REQUESTED = "Rotation Requested";
export const REPAIR_REQUESTED = "Repair Requested";
export const REHEARSAL_REQUESTED = "Rehearsal Requested";
/** What anybody may ask for on the rotation bus. */
export const REQUESTS = [ROTATION_REQUESTED, REPAIR_REQUESTED, REHEARSAL_REQUESTED] as const;
export const INCIDENT_DETECTED = "Incident Detected";
export const DIGEST_COMPILED = "Digest Compiled";

/** An event as EventBridge hands it to a function. Only what decisions need; everything else may be there. */
export const busEvent = z.looseObject({
  id: z.string(),
  source: z.string(),
  "detail-type": z.string(),
  account: z.optional(z.string()),
  region: z.optional(z.string()),
  // Hints, which may be anything: an event is no worse without them.
  time: z.optional(z.unknown()),
  resources: z.optional(z.unknown()),
  detail: z.looseObject({}),
});
export type BusEvent = z.infer<typeof busEvent>;

const secretId = z
  .string()
  .check(
    z.minLength(1),
    z.maxLength(2048),
    z.regex(/^(arn:|[\w/+=.@!-]{1,512}$)/, "must be a secret's name or its ARN"),
  );
const versionId = z.string().check(z.minLength(32), z.maxLength(64));
const attempt = z._default(z.int().check(z.minimum(1), z.maximum(MAX_ATTEMPTS)), 1);
/** Who asks, and why: for the log. */
const asked = {
  requester: z.optional(z.string().check(z.maxLength(256))),
  reason: z.optional(z.string().check(z.maxLength(1024))),
};

/**
 * A rotation asked for by a producer that has read the secret: the version it saw as AWSCURRENT, and the attempt whose
 * execution name it found free.
 */
export const rotationRequested = z.strictObject({
  secretId,
  expectedVersionId: versionId,
  attempt,
  /** Waits for no window and skips the soak. Safety it does not skip. */
  emergency: z._default(z.boolean(), false),
  ...asked,
});
export type RotationRequested = z.infer<typeof rotationRequested>;

/** The repair of a rotation whose execution has ended. However often the event comes, it is one repair. */
export const repairRequested = z.strictObject({
  secretId,
  /** VersionId of the candidate, which names the execution. */
  token: versionId,
  /**
   * Which repair it is to be, as the requester has counted: whoever asks for the same one shares it. Absent, or more than there
   * can be: the next one, unless a repair has begun since the event's time.
   */
  repair: z.optional(z.int().check(z.minimum(1), z.maximum(MAX_ATTEMPTS))),
  ...asked,
});
export type RepairRequested = z.infer<typeof repairRequested>;

/** A rotation that is taken back after it has converged, and then one that stays: what a policy's `rehearsal` asks for. */
export const rehearsalRequested = z.strictObject({ secretId, expectedVersionId: versionId, attempt, ...asked });
export type RehearsalRequested = z.infer<typeof rehearsalRequested>;

/**
 * The secret that a Secrets Manager event is about. Its place is documented for some events only, and two real shapes
 * contradict each other, so every known place is looked at, in order: a reply names the full ARN, a request whatever its
 * caller passed (secrets-manager-rotation 1.3 and 1.4).
 */
export function secretIdOf(event: BusEvent): string | undefined {
  const detail = event.detail as Record<string, Record<string, unknown> | null | undefined>;
  const candidates: readonly unknown[] = [
    detail["additionalEventData"]?.["SecretId"],
    detail["additionalEventData"]?.["secretId"],
    detail["serviceEventDetails"]?.["secretId"],
    detail["serviceEventDetails"]?.["SecretId"],
    detail["responseElements"]?.["arn"],
    detail["responseElements"]?.["aRN"],
    detail["responseElements"]?.["ARN"],
    detail["requestParameters"]?.["secretId"],
    Array.isArray(event.resources) ? event.resources[0] : undefined,
  ];
  return candidates.find((each): each is string => typeof each === "string" && each.length > 0);
}

/**
 * The ClientRequestToken of a rotation, from the event's requestID `Rotation-<secret ARN>-<token>`. Seen on real events
 * and not documented, so anything else gives undefined, and the caller asks DescribeSecret instead.
 */
export function rotationTokenOf(event: BusEvent): string | undefined {
  const requestId = event.detail["requestID"];
  const secretArn = secretIdOf(event);
  if (typeof requestId !== "string" || secretArn === undefined) return undefined;
  const prefix = `Rotation-${secretArn}-`;
  if (!requestId.startsWith(prefix)) return undefined;
  const token = requestId.slice(prefix.length);
  return /^[A-Za-z0-9-]{32,64}$/.test(token) ? token : undefined;
}
