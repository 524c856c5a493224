import { hasName } from "../../core/aws.ts";
import { readPulse } from "../../core/reconcile/heartbeat.ts";
import { describeSecret } from "../../core/versions/secret.ts";
import { distance } from "../times.ts";
import { blocking, type Check, type Finding, ok, warning } from "./check.ts";

/** Reconcile runs every 15 minutes: after four times that it is not coming. */
const LATE_MS = 60 * 60 * 1000;

/** Whether CloudTrail delivers to our rules, and reconcile runs: by the heartbeat that one sends and the other brings back. */
export const trail: Check = async ({ clients, deployment }) => {
  const { heartbeatSecretId } = await deployment();
  const heartbeat = await describeSecret(clients.secretsManager, heartbeatSecretId).catch((error: unknown) => {
    if (hasName(error, "SecretNotFound")) return undefined;
    throw error;
  });
  if (heartbeat === undefined) {
    return [blocking("trail", `The heartbeat's secret ${heartbeatSecretId} is not there.`, "deploy the stage again")];
  }
  const { tags } = heartbeat;
  const now = new Date();
  const { silentSinceMs, seenMs, reconciledMs } = readPulse(tags, now.getTime());
  return [delivery(), sweep()];

  function delivery(): Finding {
    if (silentSinceMs !== undefined) {
      return blocking(
        "trail",
        `What happens in the account has not reached Rotor's rules since ${new Date(silentSinceMs).toISOString()}.`,
        "see docs/alarms.md#trail-silent: a trail with write management events has to be on in this Region",
      );
    }
    if (seenMs === undefined) {
      return warning(
        "trail",
        "No heartbeat has come back yet.",
        "wait for reconcile's first runs (15 minutes), then look again",
      );
    }
    return ok("trail", `CloudTrail delivers: the newest heartbeat came back ${distance(new Date(seenMs), now)}.`);
  }

  function sweep(): Finding {
    if (reconciledMs === 0)
      return warning("reconcile", "Reconcile has not ended a sweep yet.", "wait 15 minutes, then see its log");
    const at = distance(new Date(reconciledMs), now);
    return now.getTime() - reconciledMs > LATE_MS
      ? blocking("reconcile", `Reconcile's last sweep ended ${at}.`, "see docs/alarms.md#heartbeat-missing and its log")
      : ok("reconcile", `Reconcile's last sweep ended ${at}.`);
  }
};
