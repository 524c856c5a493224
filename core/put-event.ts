import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { fromAwsError } from "./aws.ts";
import { EVENT_SOURCE } from "./blueprint.ts";
import { RotationError } from "./errors.ts";

/**
 * Puts one event of ours on the rotation bus. It may be there also where this throws: whoever hears it has to bear it twice.
 * @throws RotationError ServiceUnavailable, AccessDenied, Throttled
 */
export async function putEvent(
  client: EventBridgeClient,
  EventBusName: string,
  {
    detailType,
    detail,
    resources,
  }: { readonly detailType: string; readonly detail: unknown; readonly resources: readonly string[] },
): Promise<void> {
  const entry = { EventBusName, Source: EVENT_SOURCE, DetailType: detailType, Detail: JSON.stringify(detail) };
  const put = await client
    .send(new PutEventsCommand({ Entries: [{ ...entry, Resources: [...resources] }] }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `events:PutEvents to ${EventBusName}`)));
  if ((put.FailedEntryCount ?? 0) === 0) return;
  const code = put.Entries?.[0]?.ErrorCode ?? "unknown";
  throw new RotationError(
    "ServiceUnavailable",
    `events:PutEvents to ${EventBusName} did not take the event "${detailType}" (${code}).`,
  );
}
