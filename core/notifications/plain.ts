import * as z from "zod/mini";
import { OUTCOMES } from "../outcome.ts";
import type { NotificationContext } from "./build-notification.ts";
import { readHistory, shell } from "./commands.ts";
import { EVENTS } from "./names.ts";
import { messageFields, severity } from "./schema.ts";
import { identifier } from "./text.ts";

/** What has to be known so that anything can be told: how it ended, and where to read on. */
export const plainReport = z.looseObject({
  "detail-type": z.optional(z.undefined()),
  outcome: z.enum(OUTCOMES),
  execution: z.looseObject({ arn: z.string(), name: z.string() }),
});
type PlainReport = z.infer<typeof plainReport>;

/**
 * The message on the events topic where the whole one cannot be written. What it has in common with rotation.notification/1 is of the
 * same name and form, so that the same filters are for both. Additive changes only.
 */
export const plainBody = z.strictObject({
  schema: z.literal("rotation.plain/1"),
  id: z.string(),
  event: z.enum(EVENTS),
  outcome: z.enum(OUTCOMES),
  severity,
  actionRequired: z.boolean(),
  summary: z.string(),
  secret: z.strictObject({ stage: z.string() }),
  rotation: z.strictObject({ executionName: z.string(), executionArn: z.string() }),
  /** A command for a shell. */
  links: z.strictObject({ history: z.string() }),
});

export const plainNotification = z.strictObject({ ...messageFields, event: z.enum(EVENTS), json: plainBody });
export type PlainNotification = z.infer<typeof plainNotification>;

/**
 * How a rotation ended, in words that depend on nothing but its outcome, for every audience: for what the whole message could not be
 * written of, as an execution whose workflow is of another release. The same id as the whole one has. Pure; never throws.
 */
export function buildPlain({ outcome, execution }: PlainReport, context: NotificationContext): PlainNotification {
  const [executionName, executionArn] = [identifier(execution.name, 80), identifier(execution.arn, 512)];
  const stage = identifier(context.stage, 32) || "unknown";
  const [event, id] = [EVENTS[outcome], `${executionName}:${outcome}`];
  const { urgent, verdict } = SAID[outcome];
  const actionRequired = outcome !== "SUCCEEDED";
  const history = shell(readHistory({ secretArn: executionArn }, executionArn)).join(" ");
  const more = `Nothing more could be written: read on in execution ${executionName} (rotor show ${executionName}).`;
  const summary = `${verdict} ${more}`;
  const subject = identifier(`[${TAGS[urgent]}] ${stage.slice(0, 12)}: ${outcome} in ${executionName}`, 99);
  return {
    ...{ id, event, severity: urgent, actionRequired, subject, verdict: summary },
    attributes: {
      event,
      severity: urgent,
      stage,
      secret: "unknown",
      mode: "unknown",
      actionRequired: `${actionRequired}`,
    },
    email: `${verdict}\n\nNothing more could be written. Read on in the execution:\n\nrotor show ${executionName}\n${history}\n`,
    chat: chatOf(id, event, subject, summary),
    json: {
      ...{ schema: "rotation.plain/1", id, event, outcome, severity: urgent, actionRequired, summary },
      ...{ secret: { stage }, rotation: { executionName, executionArn }, links: { history } },
    },
  };
}

const SAID = {
  SUCCEEDED: { urgent: "notice", verdict: "Production works: the new version is live, and it has signed in." },
  REJECTED: { urgent: "warning", verdict: "A rotation was rejected: it touched nothing, and the old version is live." },
  ROLLED_BACK: {
    urgent: "warning",
    verdict: "A rotation was rolled back: the old version is live, and it has signed in after that.",
  },
  NOT_CONVERGED: {
    urgent: "critical",
    verdict: "Production may be broken: the new version is live, and not every dependent was seen on it.",
  },
  ROLLBACK_FAILED: {
    urgent: "critical",
    verdict: "Production may be broken: a rollback failed, and a person has to act now.",
  },
} as const;

const TAGS = { notice: "INFO", warning: "WARN", critical: "CRITICAL" } as const;

/** Everything in it is an id of AWS's or a sentence of ours: but for what an id could not have, nothing has to be escaped. */
function chatOf(id: string, event: string, title: string, description: string): string {
  const plain = (text: string) => text.replace(/[<>&@`]/g, "?");
  return JSON.stringify({
    ...{ version: "1.0", source: "custom", id },
    content: { textType: "client-markdown", title: plain(title), description: plain(description) },
    metadata: {
      ...{ threadId: id, summary: plain(title), eventType: event.replaceAll(/[._]/g, "-") },
      ...{ relatedResources: [], additionalContext: {} },
    },
  });
}
