import type { INCIDENT_KINDS } from "../incident.ts";
import type { OUTCOMES } from "../outcome.ts";

/** `event` of the message on the events topic. */
export const EVENTS = {
  SUCCEEDED: "rotation.succeeded",
  REJECTED: "rotation.rejected",
  ROLLED_BACK: "rotation.rolled_back",
  NOT_CONVERGED: "rotation.not_converged",
  ROLLBACK_FAILED: "rotation.rollback_failed",
} as const satisfies Record<(typeof OUTCOMES)[number], string>;

/** Of the event on the rotation bus. */
export const DETAIL_TYPES = {
  SUCCEEDED: "Rotation Succeeded",
  REJECTED: "Rotation Rejected",
  ROLLED_BACK: "Rotation Rolled Back",
  NOT_CONVERGED: "Rotation Not Converged",
  ROLLBACK_FAILED: "Rotation Rollback Failed",
} as const satisfies Record<(typeof OUTCOMES)[number], string>;

/** `event` of the digest of a week. */
export const DIGEST_EVENT = "rotation.digest";

/** `event` of an incident. */
export const INCIDENT_EVENTS = {
  "rotation-failed": "rotation.incident.rotation_failed",
  "rotation-abandoned": "rotation.incident.rotation_abandoned",
  "test-rotation-failed": "rotation.incident.test_rotation_failed",
  "rotation-cancelled": "rotation.incident.rotation_cancelled",
  "secret-deleted": "rotation.incident.secret_deleted",
  "execution-died": "rotation.incident.execution_died",
  "outcome-untold": "rotation.incident.outcome_untold",
  "request-refused": "rotation.incident.request_refused",
  finding: "rotation.incident.finding",
} as const satisfies Record<(typeof INCIDENT_KINDS)[number], string>;
