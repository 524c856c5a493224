import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { fromAwsError } from "../aws.ts";
import { EVENT_SOURCE } from "../blueprint.ts";
import { RotationError } from "../errors.ts";
import { reportIncidents } from "../report-incidents.ts";
import type { Finding, Request } from "./finding.ts";

/**
 * Asks for the repairs, and tells people of the findings that are to be told. May be repeated: repairs are the same by name,
 * incidents by id.
 *
 * @throws RotationError ServiceUnavailable (some may be on the bus), AccessDenied, Throttled
 */
export async function tell(
  { eventBridge, busName }: { readonly eventBridge: EventBridgeClient; readonly busName: string },
  findings: readonly Finding[],
  isToTell: (finding: Finding) => boolean,
): Promise<{ readonly requested: number; readonly told: number }> {
  const requests = findings.flatMap(({ request }) => request ?? []);
  for (const request of requests) await put(eventBridge, busName, request);
  const incidents = findings.filter(isToTell).flatMap(({ incident }) => incident ?? []);
  await reportIncidents(eventBridge, busName, incidents);
  return { requested: requests.length, told: incidents.length };
}

async function put(
  eventBridge: EventBridgeClient,
  busName: string,
  { detailType, secretArn, detail }: Request,
): Promise<void> {
  const entry = {
    EventBusName: busName,
    Source: EVENT_SOURCE,
    DetailType: detailType,
    Detail: JSON.stringify(detail),
    Resources: [secretArn],
  };
  const reply = await eventBridge
    .send(new PutEventsCommand({ Entries: [entry] }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `events:PutEvents to ${busName}`)));
  if ((reply.FailedEntryCount ?? 0) === 0) return;
  const code = reply.Entries?.[0]?.ErrorCode ?? "unknown";
  throw new RotationError("ServiceUnavailable", `events:PutEvents to ${busName} did not take a request (${code}).`);
}
