import { type SecretsManagerClient, TagResourceCommand } from "@aws-sdk/client-secrets-manager";
import { fromAwsError } from "../aws.ts";
import { describeSecret } from "../versions/secret.ts";

/** Tags of the heartbeat's secret. Their values are ISO 8601 times. */
export const HEARTBEAT_TAG = "rotor:heartbeat";
const HEARTBEAT_SEEN_TAG = "rotor:heartbeat-seen";
/** The first heartbeat that did not come back. Older than HEARTBEAT_SEEN_TAG: the trail delivers again. */
const SILENT_SINCE_TAG = "rotor:silent-since";
/** Up to when reconcile has looked at everything, once. */
const RECONCILED_TAG = "rotor:reconciled";

/** How long a heartbeat may be on its way, in milliseconds: CloudTrail promises nothing, and delivers within minutes. */
export const ON_ITS_WAY_MS = 10 * 60 * 1000;

export interface Pulse {
  /** Up to when reconcile has looked at everything before, in milliseconds since the epoch; 0 for never. */
  readonly reconciledMs: number;
  /** When the first heartbeat was sent that has not come back; undefined while the trail delivers. */
  readonly silentSinceMs: number | undefined;
}

/**
 * Proves that what happens in the account reaches our rules: tags the heartbeat's secret, which CloudTrail records like
 * every call that counts, and looks whether the one before has come back (dispatch has tagged it then). May be repeated.
 *
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function beat(client: SecretsManagerClient, secretArn: string, nowMs: number): Promise<Pulse> {
  const { tags } = await describeSecret(client, secretArn);
  const { reconciledMs, silentSinceMs, waits } = readPulse(tags, nowMs);
  if (!waits) {
    await tag(client, secretArn, {
      [HEARTBEAT_TAG]: isoTime(nowMs),
      ...(silentSinceMs === undefined ? {} : { [SILENT_SINCE_TAG]: isoTime(silentSinceMs) }),
    });
  }
  return { reconciledMs, silentSinceMs };
}

/** What the tags of the heartbeat's secret say. Pure. */
export function readPulse(
  tags: Readonly<Record<string, string>>,
  nowMs: number,
): Pulse & {
  /** When the newest heartbeat came back that did. */
  readonly seenMs: number | undefined;
  /** One is on its way. It is waited for: overtaken by a new one it could not be told from a lost one. */
  readonly waits: boolean;
} {
  const [sent, seen, silent] = [HEARTBEAT_TAG, HEARTBEAT_SEEN_TAG, SILENT_SINCE_TAG].map((key) => timeOf(tags[key]));
  const isOut = sent !== undefined && sent > (seen ?? 0);
  const missing = isOut && nowMs - sent > ON_ITS_WAY_MS;
  const silentSinceMs = missing ? (silent !== undefined && silent > (seen ?? 0) ? silent : sent) : undefined;
  return { reconciledMs: timeOf(tags[RECONCILED_TAG]) ?? 0, silentSinceMs, seenMs: seen, waits: isOut && !missing };
}

/**
 * The heartbeat that was sent then has come back. May be repeated, and in any order: an older one changes nothing.
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function recordHeartbeat(client: SecretsManagerClient, secretArn: string, sentAt: string): Promise<void> {
  const sent = timeOf(sentAt);
  if (sent === undefined) return;
  const { tags } = await describeSecret(client, secretArn);
  if (sent <= (timeOf(tags[HEARTBEAT_SEEN_TAG]) ?? 0)) return;
  await tag(client, secretArn, { [HEARTBEAT_SEEN_TAG]: isoTime(sent) });
}

/**
 * Everything was looked at, as of then. May be repeated.
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export function recordReconciled(client: SecretsManagerClient, secretArn: string, nowMs: number): Promise<void> {
  return tag(client, secretArn, { [RECONCILED_TAG]: isoTime(nowMs) });
}

async function tag(
  client: SecretsManagerClient,
  secretArn: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await client
    .send(new TagResourceCommand({ SecretId: secretArn, Tags }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `secretsmanager:TagResource on ${secretArn}`)));
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A tag may hold anything: people can write it. */
function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}
