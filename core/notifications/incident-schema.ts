import * as z from "zod/mini";
import { INCIDENT_KINDS, incident } from "../incident.ts";
import { INCIDENT_EVENTS } from "./names.ts";
import { messageFields, severity } from "./schema.ts";

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
    name: z.nullable(z.string()),
    arn: z.string(),
    account: z.nullable(z.string()),
    region: z.nullable(z.string()),
    stage: z.string(),
    owner: z.nullable(z.string()),
    /** Whether rotation.config names it. Where it does not, Rotor only tells. */
    hasPolicy: z.boolean(),
  }),
  rotation: z.strictObject({
    token: z.nullable(z.string()),
    step: incident.shape.step,
    functionArn: z.nullable(z.string()),
    executionName: z.nullable(z.string()),
    executionArn: z.nullable(z.string()),
  }),
  state: z.strictObject({
    /** unchanged: this touched nothing; how production was before is not judged. */
    production: z.nullable(z.enum(["unchanged", "may-be-broken"])),
  }),
  /** `command` is whole, and for a shell. */
  nextSteps: z.array(z.strictObject({ say: z.string(), command: z.nullable(z.string()) })),
  /** `versions`, `log` and `history` are commands for a shell. */
  links: z.strictObject({
    execution: z.nullable(z.string()),
    secret: z.nullable(z.string()),
    /** That of the policy. */
    runbook: z.nullable(z.string()),
    /** The section for the error or the finding, of the page that the deployment names. */
    errorRunbook: z.nullable(z.string()),
    versions: z.nullable(z.string()),
    log: z.nullable(z.string()),
    history: z.nullable(z.string()),
  }),
});
export type IncidentBody = z.infer<typeof incidentBody>;

/** One incident, for every audience. The id is the same whenever the same incident is told. */
export const incidentNotification = z.strictObject({ ...messageFields, event, json: incidentBody });
export type IncidentNotification = z.infer<typeof incidentNotification>;
