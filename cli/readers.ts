import { type Event, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import { fromAwsError } from "../core/aws.ts";
import { createPace } from "../core/reconcile/pace.ts";
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
  /** Why it was not looked further back; undefined: it was looked as far as it may be. */
  readonly endedBy: string | undefined;
}

/** LookupEvents gives 50 a page: so many are enough to see who reads at all. */
const PAGES = 20;
/** The whole account may ask twice a second. */
const PACE = { perSecond: 2, burst: 1 };

/**
 * Who has read the secret, by CloudTrail's own event history, which needs no trail and is kept for 90 days. What is further back than
 * the newest 1,000 reads of all secrets together is not seen: `since` says how far that reaches. Left out: reads that were refused, and
 * those of our own functions.
 *
 * @param functionNames of the deployment
 * @throws RotationError AccessDenied (cloudtrail:LookupEvents), Throttled, ServiceUnavailable: nothing at all was seen
 */
export async function readersOf(
  { cloudTrail }: Clients,
  { arn, name }: Pick<Secret, "arn" | "name">,
  functionNames: ReadonlySet<string>,
): Promise<Readers> {
  const found = new Map<string, Reader>();
  let [looked, pages] = [0, 0];
  let since: Date | undefined;
  let endedBy: string | undefined;
  let NextToken: string | undefined;
  const pace = createPace(PACE);
  do {
    const request = {
      LookupAttributes: [{ AttributeKey: "EventName" as const, AttributeValue: "GetSecretValue" }],
      ...(NextToken === undefined ? {} : { NextToken }),
    };
    await pace();
    const page = await cloudTrail.send(new LookupEventsCommand(request)).catch((error: unknown) => {
      const known = fromAwsError(error, "cloudtrail:LookupEvents");
      if (pages === 0) throw known;
      // What was seen is true all the same.
      endedBy = known.message;
      return undefined;
    });
    for (const event of page?.Events ?? []) {
      looked += 1;
      since = event.EventTime ?? since;
      const read = readOf(event);
      if (read === undefined || (read.secretId !== arn && read.secretId !== name)) continue;
      if (functionNames.has(event.Username ?? "")) continue;
      const known = found.get(read.who);
      found.set(read.who, { name: read.who, lastAt: known?.lastAt ?? event.EventTime, times: (known?.times ?? 0) + 1 });
    }
    NextToken = page?.NextToken;
    pages += 1;
  } while (NextToken !== undefined && pages < PAGES);
  return { readers: [...found.values()], looked, since, endedBy };
}

// --- internal ---

interface Detail {
  readonly errorCode?: unknown;
  readonly requestParameters?: { readonly secretId?: unknown } | null;
  readonly userIdentity?: { readonly sessionContext?: { readonly sessionIssuer?: { readonly arn?: unknown } } };
}

/**
 * Undefined: the read was refused, or the event says nothing of it. Whoever has assumed a role is told by the role: its sessions are
 * called after tasks and instances, which come and go.
 */
function readOf({ CloudTrailEvent, Username = "unknown" }: Event): { secretId: unknown; who: string } | undefined {
  let detail: Detail;
  try {
    detail = Object(JSON.parse(CloudTrailEvent ?? "{}"));
  } catch {
    return undefined;
  }
  const { errorCode, requestParameters, userIdentity } = detail;
  if (errorCode !== undefined) return undefined;
  const issuer = userIdentity?.sessionContext?.sessionIssuer?.arn;
  return { secretId: requestParameters?.secretId, who: typeof issuer === "string" ? issuer : Username };
}
