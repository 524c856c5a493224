import * as z from "zod";
import { INCIDENT_KINDS, incident } from "../incident.ts";
import { messageFields, severity } from "./schema.ts";

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

const event = z.enum(INCIDENT_EVENTS);

/**
 * The message on the events topic. Not a rotation.notification/1: there is no outcome, and mostly no execution. What both
 * have is of the same name and form. Additive changes only; null always means "not known".
 */
export const incidentBody = z.strictObject({
  schema: z.literal("rotation.incident/1"),
  id: z.string(),
  event,
  kind: z.enum(INCIDENT_KINDS),
  /** An error's name or a diagnosis. */
  name: z.string(),
  severity,
  actionRequired: z.boolean(),
  /** One sentence: is production broken, what is it about, what has to be done. */
  summary: z.string(),
  /** What happened, to what, and what is true now. */
  message: z.string(),
  at: z.string(),
  secret: z.strictObject({
    name: z.string().nullable(),
    arn: z.string(),
    account: z.string().nullable(),
    region: z.string().nullable(),
    stage: z.string(),
    owner: z.string().nullable(),
    /** Whether rotation.config names it. Where it does not, Rotor only tells. */
    hasPolicy: z.boolean(),
  }),
  rotation: z.strictObject({
    token: z.string().nullable(),
    step: incident.shape.step,
    functionArn: z.string().nullable(),
    executionName: z.string().nullable(),
    executionArn: z.string().nullable(),
  }),
  state: z.strictObject({
    /** unchanged: this touched nothing; how production was before is not judged. */
    production: z.enum(["unchanged", "may-be-broken"]).nullable(),
  }),
  /** `command` is whole, and for a shell. */
  nextSteps: z.array(z.strictObject({ say: z.string(), command: z.string().nullable() })),
  /** `versions`, `log` and `history` are commands for a shell. */
  links: z.strictObject({
    execution: z.string().nullable(),
    secret: z.string().nullable(),
    runbook: z.string().nullable(),
    versions: z.string().nullable(),
    log: z.string().nullable(),
    history: z.string().nullable(),
  }),
});
export type IncidentBody = z.infer<typeof incidentBody>;

/** One incident, for every audience. The id is the same whenever the same incident is told. */
export const incidentNotification = z.strictObject({ ...messageFields, event, json: incidentBody });
export type IncidentNotification = z.infer<typeof incidentNotification>;
