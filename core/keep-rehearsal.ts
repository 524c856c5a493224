import { TagResourceCommand, UntagResourceCommand } from "@aws-sdk/client-secrets-manager";
import { fromAwsError } from "./aws.ts";
import type { Dispatched, Dispatcher } from "./dispatch.ts";
import { RotationError } from "./errors.ts";
import type { RotorEvent } from "./normalise-event.ts";
import { REHEARSAL_TAG } from "./rehearsal.ts";
import { mayName, secretNameOf } from "./secret-names.ts";
import { describeSecret } from "./versions/secret.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Of the 50 tags of a secret, so many digests are kept: the newest. */
const KEPT = 5;

/**
 * Keeps a rehearsal that another deployment, or another secret of this account, has passed: as a tag on every secret whose
 * policy names the rehearsed one and declares the account it came from. The tag says when it was and where; Plan judges its
 * age and digest. May be repeated.
 *
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable, ConfigurationInvalid (no tag is free)
 */
export async function keepRehearsal(
  { client, policies }: Dispatcher,
  passed: Extract<RotorEvent, { readonly kind: "rehearsal-passed" }>,
): Promise<Dispatched> {
  const rehearsed = secretNameOf(passed.secretArn);
  const wanting = policies.filter(
    ({ rehearsal, secretId }) =>
      rehearsal?.accounts.includes(passed.account) &&
      names(rehearsal.secretId ?? secretId, rehearsed, passed.secretArn),
  );
  const kept: string[] = [];
  for (const { secretId, rehearsal } of wanting) {
    const { arn, name, tags } = await describeSecret(client, secretId);
    const Tags = [{ Key: REHEARSAL_TAG + passed.digest, Value: `${passed.at.toISOString()} ${passed.account}` }];
    await client.send(new TagResourceCommand({ SecretId: arn, Tags })).catch(failing(`TagResource on ${name}`));
    const TagKeys = outdated(tags, passed, (rehearsal?.maxAgeDays ?? 0) * DAY_MS);
    if (TagKeys.length > 0) {
      await client
        .send(new UntagResourceCommand({ SecretId: arn, TagKeys }))
        .catch(failing(`UntagResource on ${name}`));
    }
    kept.push(name);
  }
  return kept.length === 0
    ? { decision: "ignored", reason: `no policy takes rehearsals of ${rehearsed} from account ${passed.account}` }
    : { decision: "noted", reason: `rehearsed: ${kept.join(", ")}`, secretArn: passed.secretArn };
}

/** A policy may name the rehearsed secret by its name, which is the same in every account, or by its ARN. */
function names(secretId: string, name: string, arn: string): boolean {
  return secretId.startsWith("arn:") ? secretId === arn || mayName(secretId, name) : secretId === name;
}

function outdated(
  tags: Readonly<Record<string, string>>,
  passed: { readonly digest: string; readonly at: Date },
  maxAgeMs: number,
): string[] {
  const others = Object.entries(tags)
    .filter(([key]) => key.startsWith(REHEARSAL_TAG) && key !== REHEARSAL_TAG + passed.digest)
    .map(([key, value]) => ({ key, at: Date.parse(value.split(" ")[0] ?? "") || 0 }))
    .sort((a, b) => b.at - a.at);
  return others
    .filter(({ at }, index) => index >= KEPT - 1 || passed.at.getTime() - at > maxAgeMs)
    .map(({ key }) => key);
}

function failing(operation: string) {
  return (error: unknown): never => {
    const named = fromAwsError(error, `secretsmanager:${operation}`);
    throw named.name === "ConfigurationInvalid"
      ? new RotationError("ConfigurationInvalid", `${named.message} A secret has at most 50 tags.`, { cause: error })
      : named;
  };
}
