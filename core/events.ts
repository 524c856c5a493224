import { z } from "zod";

/** Our own events on the rotation bus: one noun, one verb in the past. */
export const ROTATION_REQUESTED = "Rotation Requested";

/** An event as EventBridge hands it to a function. Only what decisions need; everything else may be there. */
export const busEvent = z.looseObject({
  id: z.string(),
  source: z.string(),
  "detail-type": z.string(),
  account: z.string().optional(),
  region: z.string().optional(),
  time: z.string().optional(),
  resources: z.array(z.string()).default([]),
  detail: z.looseObject({}),
});
export type BusEvent = z.infer<typeof busEvent>;

/**
 * A rotation asked for by a producer that has read the secret: the version it saw as AWSCURRENT, and the attempt whose
 * execution name it found free.
 */
export const rotationRequested = z.strictObject({
  secretId: z.string().min(1).max(2048),
  expectedVersionId: z.string().min(32).max(64),
  attempt: z.int().min(1).max(50).default(1),
  requester: z.string().max(256).optional(),
  reason: z.string().max(1024).optional(),
});

/**
 * The secret that a Secrets Manager event is about. Its place is documented for some events only, and two real shapes
 * contradict each other, so every known place is looked at, in order (secrets-manager-rotation 1.3).
 */
export function secretIdOf(event: BusEvent): string | undefined {
  const detail = event.detail as Record<string, Record<string, unknown> | null | undefined>;
  const candidates: readonly unknown[] = [
    detail["additionalEventData"]?.["SecretId"],
    detail["additionalEventData"]?.["secretId"],
    detail["serviceEventDetails"]?.["secretId"],
    detail["serviceEventDetails"]?.["SecretId"],
    detail["requestParameters"]?.["secretId"],
    detail["responseElements"]?.["arn"],
    detail["responseElements"]?.["aRN"],
    detail["responseElements"]?.["ARN"],
    event.resources[0],
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
