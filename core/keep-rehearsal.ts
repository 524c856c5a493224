import { type SecretsManagerClient, TagResourceCommand, UntagResourceCommand } from "@aws-sdk/client-secrets-manager";
import { fromAwsError } from "./aws.ts";
import type { Dispatched, Dispatcher } from "./dispatch.ts";
import { isRetryable, RotationError } from "./errors.ts";
import { isOfTheFuture, REHEARSAL_TAG } from "./rehearsal.ts";
import type { RotorEvent } from "./rotor-event.ts";
import { secretNameOf } from "./secret-names.ts";
import { describeSecret, type Secret } from "./versions/secret.ts";

type Passed = Extract<RotorEvent, { readonly kind: "rehearsal-passed" }>;

const TAG = "secretsmanager:TagResource";
const UNTAG = "secretsmanager:UntagResource";
const DAY_MS = 24 * 60 * 60 * 1000;
/** The most tags of a secret (Secrets Manager, TagResource). AWS's own do not count. */
const MOST_TAGS = 50;
/** Of them, so many digests are kept: the newest. */
const KEPT = 5;

/**
 * Keeps a rehearsal that another deployment, or another secret of this account, has passed: as a tag on every secret whose
 * policy names the rehearsed one and declares the account it came from. The tag says when it was and where; Plan judges its
 * age and digest. Of two rehearsals of one digest the later one stays, in whatever order they come. May be repeated.
 *
 * A secret whose tag fails keeps no other from its own.
 *
 * @throws RotationError the first of what failed, when all were tried: AccessDenied, Throttled, ServiceUnavailable,
 *   ConfigurationInvalid (no tag is free)
 */
export async function keepRehearsal({ client, policies }: Dispatcher, passed: Passed): Promise<Dispatched> {
  const rehearsed = secretNameOf(passed.secretArn);
  if (isOfTheFuture(passed.at.getTime(), Date.now()))
    return { decision: "ignored", reason: "it has yet to be rehearsed" };
  const kept: string[] = [];
  const failed: unknown[] = [];
  for (const { secretId, rehearsal } of policies) {
    if (!rehearsal?.accounts.includes(passed.account) || !names(rehearsal.secretId, secretId, passed.secretArn))
      continue;
    try {
      const secret = await findSecret(client, secretId);
      if (secret === undefined || secret.deleted) continue;
      await tag(client, secret, passed, rehearsal.maxAgeDays * DAY_MS);
      kept.push(secret.name);
    } catch (error) {
      failed.push(error);
    }
  }
  if (failed.length > 0) throw failed[0];
  return kept.length === 0
    ? { decision: "ignored", reason: `no policy takes rehearsals of ${rehearsed} from account ${passed.account}` }
    : { decision: "noted", reason: `rehearsed: ${kept.join(", ")}`, secretArn: passed.secretArn };
}

async function tag(
  client: SecretsManagerClient,
  { arn, name, tags }: Secret,
  passed: Passed,
  maxAgeMs: number,
): Promise<void> {
  const Key = REHEARSAL_TAG + passed.digest;
  if (timeIn(tags[Key]) >= passed.at.getTime()) return;
  // First, or a secret whose tags are used up would never take another one.
  const TagKeys = outdated(tags, passed, maxAgeMs);
  if (TagKeys.length > 0) {
    const untag = new UntagResourceCommand({ SecretId: arn, TagKeys });
    await client.send(untag).catch((error) => Promise.reject(fromAwsError(error, `${UNTAG} on ${name}`)));
  }
  const left = Object.keys(tags).filter((key) => key !== Key && !key.startsWith("aws:") && !TagKeys.includes(key));
  const Tags = [{ Key, Value: `${passed.at.toISOString()} ${passed.account}` }];
  await client.send(new TagResourceCommand({ SecretId: arn, Tags })).catch((error: unknown) => {
    const named = fromAwsError(error, `${TAG} on ${name}`);
    // Which error AWS answers over the quota is not documented, so the tags are counted.
    if (left.length < MOST_TAGS || isRetryable(named) || named.name === "AccessDenied") throw named;
    throw new RotationError(
      "ConfigurationInvalid",
      `${TAG} on ${name}: it has ${left.length} tags, and may have ${MOST_TAGS}. Remove one that is not needed.`,
      { cause: error },
    );
  });
}

/** A policy may name the rehearsed secret by its name or its full ARN. One that does not means that of its own name. */
function names(rehearsedId: string | undefined, secretId: string, arn: string): boolean {
  const name = secretNameOf(arn);
  if (rehearsedId !== undefined) return rehearsedId === arn || rehearsedId === name;
  return (secretId.startsWith("arn:") ? secretNameOf(secretId) : secretId) === name;
}

/** A policy whose secret is gone keeps no other from its rehearsal. */
async function findSecret(client: SecretsManagerClient, secretId: string): Promise<Secret | undefined> {
  try {
    return await describeSecret(client, secretId);
  } catch (error) {
    if (error instanceof RotationError && error.name === "SecretNotFound") return undefined;
    throw error;
  }
}

function outdated(tags: Readonly<Record<string, string>>, passed: Passed, maxAgeMs: number): string[] {
  const others = Object.entries(tags)
    .filter(([key]) => key.startsWith(REHEARSAL_TAG) && key !== REHEARSAL_TAG + passed.digest)
    .map(([key, value]) => ({ key, at: timeIn(value) }))
    .sort((a, b) => b.at - a.at);
  return others
    .filter(({ at }, index) => index >= KEPT - 1 || passed.at.getTime() - at > maxAgeMs)
    .map(({ key }) => key);
}

/** When the rehearsal in a tag was, in milliseconds since the epoch; 0 if the tag does not say so. */
function timeIn(tag: string | undefined): number {
  return Date.parse(tag?.split(" ")[0] ?? "") || 0;
}
