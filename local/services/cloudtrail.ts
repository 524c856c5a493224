import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Interceptor } from "../wire-calls.ts";
import { AwsError, type Place, type Service } from "./service.ts";
import { pageOf } from "./states-paging.ts";

export interface CloudTrail extends Service {
  /** Sees the account's calls. */
  readonly hook: Interceptor;
}

interface Read {
  readonly EventId: string;
  readonly EventTime: Date;
  readonly Username: string;
  readonly secretId: unknown;
}

/** So many of the newest are kept. */
const KEPT = 10_000;

/**
 * CloudTrail, as far as asking who has read values of secrets in this process: LookupEvents by the EventName GetSecretValue. Events of a
 * trail, which EventBridge delivers, come from Secrets Manager itself.
 */
export function createCloudTrail({ clock, accountId, region }: Place & { readonly clock: Clock }): CloudTrail {
  const reads: Read[] = [];

  function lookupEvents(input: {
    readonly LookupAttributes?: readonly { readonly AttributeKey?: string; readonly AttributeValue?: string }[];
    readonly MaxResults?: number;
    readonly NextToken?: string;
  }) {
    const [attribute, ...more] = input.LookupAttributes ?? [];
    const isKnown = attribute?.AttributeKey === "EventName" && attribute.AttributeValue === "GetSecretValue";
    if (!isKnown || more.length > 0) {
      throw new AwsError(
        "InvalidLookupAttributesException",
        "The embedded account looks up GetSecretValue by EventName only.",
      );
    }
    const request = { maxResults: Math.min(input.MaxResults ?? 50, 50), nextToken: input.NextToken };
    const { items, nextToken } = pageOf(reads.toReversed(), request, ({ EventId }) => EventId);
    const Events = items.map(({ secretId, ...event }) => ({
      ...event,
      EventName: "GetSecretValue",
      EventSource: "secretsmanager.amazonaws.com",
      ReadOnly: "true",
      Resources: [],
      CloudTrailEvent: JSON.stringify({
        ...{ eventName: "GetSecretValue", awsRegion: region, recipientAccountId: accountId },
        requestParameters: { secretId },
      }),
    }));
    return { Events, ...(nextToken === undefined ? {} : { NextToken: nextToken }) };
  }

  return {
    name: "cloudtrail",
    operations: { LookupEvents: lookupEvents },
    hook({ service, operation, phase, input, caller }) {
      if (phase !== "after" || service !== "secretsmanager" || operation !== "GetSecretValue") return;
      const { SecretId: secretId } = Object(input) as { readonly SecretId?: unknown };
      reads.push({ EventId: randomUUID(), EventTime: new Date(clock.now()), Username: caller ?? "local", secretId });
      if (reads.length > KEPT) reads.shift();
    },
  };
}
