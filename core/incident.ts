import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { EVENT_SOURCE } from "./blueprint.ts";
import { busEvent, INCIDENT_DETECTED } from "./events.ts";

export const INCIDENT_KINDS = [
  "rotation-failed",
  "rotation-abandoned",
  "test-rotation-failed",
  "rotation-cancelled",
  "secret-deleted",
  "execution-died",
  "outcome-untold",
  "request-refused",
  "finding",
] as const;

const nextStep = z.union([
  z.string(),
  z.strictObject({
    say: z.string(),
    /** What does it: the words of a command for a shell, unquoted. */
    command: z.readonly(z.array(z.string()).check(z.minLength(1))),
  }),
]);
export type IncidentStep = z.infer<typeof nextStep>;

/**
 * Something that people must know and that is no outcome of an execution of ours: what Secrets Manager reports of any
 * secret, an execution that died or could not tell its outcome, a request that was refused, what the reconciler found. Ids, names and times, never a value.
 */
export const incident = z.strictObject({
  kind: z.enum(INCIDENT_KINDS),
  secretArn: z.string(),
  secretName: z.nullable(z.string()),
  owner: z.nullable(z.string()),
  runbook: z.nullable(z.string()),
  hasPolicy: z.boolean(),
  /** VersionId of the rotation it is about. */
  token: z.nullable(z.string()),
  /** The step that failed and the function that was called, as Secrets Manager's message names them. */
  step: z.nullable(z.enum(["createSecret", "setSecret", "testSecret", "finishSecret"])),
  functionArn: z.nullable(z.string()),
  /** An error's name or a diagnosis. */
  name: z.string(),
  /** Public: what happened, to what, and what is true now. */
  message: z.string(),
  /** What to do, a sentence each, in this order. */
  nextSteps: z.array(nextStep).check(z.maxLength(5)),
  severity: z.enum(["notice", "warning", "critical"]),
  executionName: z.nullable(z.string()),
  executionArn: z.nullable(z.string()),
  /** When it happened or was found, as an ISO 8601 time. */
  at: z.string(),
});
export type Incident = z.infer<typeof incident>;

/** An incident as it comes over the rotation bus. */
export const incidentDetected = z.extend(busEvent, {
  source: z.literal(EVENT_SOURCE),
  "detail-type": z.literal(INCIDENT_DETECTED),
  detail: incident,
});

/**
 * The same for the same thing, however often it happens, is found or is told, whenever, and in whatever words. Two findings
 * about one version are two things, and so are the deaths of an execution and of its repair. So is a finding that has become
 * worse, or that another execution has not put right: whoever drops known ids has to hear of that. Pure.
 */
export function incidentId(one: Incident): string {
  const hash = createHash("sha256").update(JSON.stringify([one.secretArn, one.kind, ...subjectOf(one)]));
  return `${one.kind}:${hash.digest("hex").slice(0, 32)}`;
}

function subjectOf({ kind, token, executionName, name, severity }: Incident): readonly string[] {
  switch (kind) {
    case "finding":
      return [name, severity, token ?? "", executionName ?? ""];
    case "execution-died":
      return [executionName ?? token ?? name];
    default:
      return [token ?? executionName ?? name];
  }
}
