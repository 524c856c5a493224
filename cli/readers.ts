import { type Event, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import { fromAwsError } from "../core/aws.ts";
import type { Secret } from "../core/versions/secret.ts";
import type { Clients } from "./clients.ts";

/** Who has read a secret's value, newest first. */
export interface Reader {
  readonly name: string;
  readonly lastAt: Date | undefined;
  readonly times: number;
}

export interface Readers {
  readonly readers: readonly Reader[];
  /** How many reads of any secret were looked at. */
  readonly looked: number;
  /** Back to when; undefined: there was none. */
  readonly since: Date | undefined;
}

/** LookupEvents gives 50 a page, and takes two requests a second: so many are enough to see who reads at all. */
const PAGES = 20;

/**
 * Who has read the secret, by CloudTrail's own event history, which needs no trail and is kept for 90 days. What is further back than
 * the newest 1,000 reads of all secrets together is not seen: `since` says how far that reaches.
 *
 * @throws RotationError AccessDenied (cloudtrail:LookupEvents), Throttled, ServiceUnavailable
 */
export async function readersOf(
  { cloudTrail }: Clients,
  { arn, name }: Pick<Secret, "arn" | "name">,
): Promise<Readers> {
  const found = new Map<string, Reader>();
  let [looked, pages] = [0, 0];
  let since: Date | undefined;
  let NextToken: string | undefined;
  do {
    const request = {
      LookupAttributes: [{ AttributeKey: "EventName" as const, AttributeValue: "GetSecretValue" }],
      ...(NextToken === undefined ? {} : { NextToken }),
    };
    const page = await cloudTrail
      .send(new LookupEventsCommand(request))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, "cloudtrail:LookupEvents")));
    for (const event of page.Events ?? []) {
      looked += 1;
      since = event.EventTime ?? since;
      const secretId = secretIdOf(event);
      if (secretId !== arn && secretId !== name) continue;
      const who = event.Username ?? "unknown";
      const known = found.get(who);
      found.set(who, { name: who, lastAt: known?.lastAt ?? event.EventTime, times: (known?.times ?? 0) + 1 });
    }
    NextToken = page.NextToken;
    pages += 1;
  } while (NextToken !== undefined && pages < PAGES);
  return { readers: [...found.values()], looked, since };
}

// --- internal ---

function secretIdOf({ CloudTrailEvent }: Event): unknown {
  try {
    const { requestParameters } = JSON.parse(CloudTrailEvent ?? "{}") as { requestParameters?: { secretId?: unknown } };
    return requestParameters?.secretId;
  } catch {
    return undefined;
  }
}
