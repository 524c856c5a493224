import type { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { putEvent } from "../put-event.ts";
import { reportIncidents } from "../report-incidents.ts";
import type { Finding } from "./finding.ts";

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
  for (const { detailType, secretArn, detail } of requests) {
    await putEvent(eventBridge, busName, { detailType, detail, resources: [secretArn] });
  }
  const incidents = findings.filter(isToTell).flatMap(({ incident }) => incident ?? []);
  await reportIncidents(eventBridge, busName, incidents);
  return { requested: requests.length, told: incidents.length };
}
