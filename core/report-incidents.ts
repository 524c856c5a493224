import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { fromAwsError } from "./aws.ts";
import { EVENT_SOURCE } from "./blueprint.ts";
import { RotationError } from "./errors.ts";
import { INCIDENT_DETECTED } from "./events.ts";
import type { Incident } from "./incident.ts";

/** The most entries of one PutEvents call. */
const BATCH = 10;

/**
 * Puts incidents on the rotation bus, from where notify tells them. May be repeated: the same incident is told with the
 * same id.
 *
 * @throws RotationError ServiceUnavailable (also when some were taken and some were not), AccessDenied, Throttled
 */
export async function reportIncidents(
  client: EventBridgeClient,
  busName: string,
  incidents: readonly Incident[],
): Promise<void> {
  for (let first = 0; first < incidents.length; first += BATCH) {
    const Entries = incidents.slice(first, first + BATCH).map((incident) => ({
      EventBusName: busName,
      Source: EVENT_SOURCE,
      DetailType: INCIDENT_DETECTED,
      Detail: JSON.stringify(incident),
      Resources: [incident.secretArn],
    }));
    const put = await client
      .send(new PutEventsCommand({ Entries }))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, `events:PutEvents to ${busName}`)));
    if ((put.FailedEntryCount ?? 0) === 0) continue;
    const code = put.Entries?.find(({ ErrorCode }) => ErrorCode !== undefined)?.ErrorCode ?? "unknown";
    throw new RotationError(
      "ServiceUnavailable",
      `events:PutEvents to ${busName} did not take ${put.FailedEntryCount} of ${Entries.length} incidents (${code}).`,
    );
  }
}
