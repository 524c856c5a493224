import type { OutcomeFacts } from "../outcome.ts";
import { audiencesOf, type Routing, routing } from "../routing.ts";
import { PLANNED } from "./advice.ts";
import { type Assessment, assess } from "./assess.ts";
import { chatOfRotation, writeChat } from "./chat.ts";
import { writeEmail } from "./email.ts";
import { DETAIL_TYPES, EVENTS } from "./names.ts";
import { type Detail, describeFacts, liveAs } from "./rotation-facts.ts";
import type { Notification, RotationFacts } from "./schema.ts";
import { subjectLine, withoutTag } from "./subject.ts";
import { identifier } from "./text.ts";

export type { Notification } from "./schema.ts";

export interface NotificationContext {
  /** The deployment stage. */
  readonly stage: string;
  /** The address of the page that docs/runbooks.md is. Absent: no message links to it. */
  readonly errorRunbook?: string | undefined;
}

/** As messages tell it. Pure. */
export function stageOf({ stage }: NotificationContext): string {
  return identifier(stage, 32) || "unknown";
}

/** No message is longer, in bytes of UTF-8: far below what SNS, EventBridge and the things behind them take. */
export const MAXIMUM_BYTES = 8192;

/**
 * What is told when a rotation has ended, for every audience. The same facts give the same messages with the same id, so
 * telling twice does no harm. Pure; never throws.
 */
export function buildNotification(facts: OutcomeFacts, given: NotificationContext): Notification {
  const context = { ...given, stage: stageOf(given) };
  const assessment = withSeverity(assess(facts), facts);
  const built = DETAILS.map((detail) => () => write(facts, assessment, context, detail));
  for (const build of built.slice(0, -1)) {
    const message = build();
    if (largest(message) <= MAXIMUM_BYTES) return message;
  }
  return write(facts, assessment, context, LEAST);
}

const LEAST: Detail = { dependents: 3, versions: 2, labels: 3, remarks: 1, message: 120, seen: 0, commands: false };

/** Tried in this order until everything fits: what is said in most words goes first. */
const DETAILS: readonly Detail[] = [
  { dependents: 20, versions: 8, labels: 8, remarks: 5, message: 500, seen: 200, commands: true },
  { dependents: 20, versions: 6, labels: 6, remarks: 3, message: 500, seen: 80, commands: true },
  { dependents: 20, versions: 4, labels: 4, remarks: 2, message: 300, seen: 0, commands: true },
  LEAST,
];

function write(
  facts: OutcomeFacts,
  assessment: Assessment,
  context: NotificationContext,
  detail: Detail,
): Notification {
  const { outcome } = facts;
  const { stage } = context;
  const { severity, actionRequired, verdict } = assessment;
  const id = `${identifier(facts.execution.name, 80)}:${outcome}`;
  const event = EVENTS[outcome];
  const data = describeFacts(facts, assessment, context, detail);
  const subject = writeSubject(facts, assessment, stage);
  return {
    id,
    event,
    severity,
    actionRequired,
    subject,
    attributes: {
      event,
      severity,
      stage,
      // SNS takes no empty value.
      secret: data.secret.name ?? (data.secret.arn || "unknown"),
      mode: data.rotation.mode || "unknown",
      actionRequired: String(actionRequired),
      ...(data.secret.owner && { owner: data.secret.owner }),
      ...(data.secret.strategy && { strategy: data.secret.strategy }),
    },
    json: { schema: "rotation.notification/1", id, event, ...data },
    email: writeEmail(data),
    audiences: [...audiencesOf(routingOf(facts), outcome, severity)],
    chat: writeChat(chatOfRotation(id, event, withoutTag(subject), data)),
    detailType: DETAIL_TYPES[outcome],
    detail: {
      metadata: {
        id,
        version: 1,
        correlationId: data.rotation.token,
        causationId: data.rotation.executionArn,
        idempotencyKey: id,
      },
      data,
      ...provedBy(facts, data),
    },
    verdict,
  };
}

/** A policy of another release may say what this one does not know: nobody is told less for that. */
function routingOf({ messages }: OutcomeFacts): Routing | undefined {
  const parsed = routing.safeParse(messages ?? {});
  return parsed.success ? parsed.data : undefined;
}

function withSeverity(assessment: Assessment, facts: OutcomeFacts): Assessment {
  const { outcome } = facts;
  const wanted = outcome === "ROLLBACK_FAILED" ? undefined : routingOf(facts)?.severities[outcome];
  return wanted === undefined ? assessment : { ...assessment, severity: wanted };
}

/** What a rehearsal has proved with this outcome; nothing when it has not. */
function provedBy(facts: OutcomeFacts, { rehearsal }: RotationFacts): Pick<Notification["detail"], "rehearsal"> {
  if (rehearsal === null) return {};
  const { part, digest, strategy, rollbackExecution } = rehearsal;
  if (part === "roll-back") {
    // Rolled back for any other reason it has proved nothing, and what failed would fail again.
    const proved = facts.outcome === "ROLLED_BACK" && facts.failure?.name === PLANNED;
    return proved ? { rehearsal: { digest, strategy } } : {};
  }
  if (facts.outcome !== "SUCCEEDED" || rollbackExecution === null) return {};
  const at = identifier(facts.promotedAt ?? facts.execution.startedAt, 40);
  return { rehearsal: { digest, at, strategy, rollbackProved: true } };
}

function writeSubject(facts: OutcomeFacts, { severity, live, reason }: Assessment, stage: string): string {
  const tag = facts.outcome === "SUCCEEDED" ? "OK" : undefined;
  const which = liveAs(facts, live);
  const isLive = which === null ? "" : `, ${LIVE[which]} live`;
  return subjectLine({ severity, tag, stage, secret: facts, said: `${said(facts, isLive)} - ${reason}` });
}

const LIVE = { new: "new", previous: "old", other: "other" } as const;

function said({ outcome }: OutcomeFacts, isLive: string): string {
  switch (outcome) {
    case "SUCCEEDED":
      return "rotated";
    case "REJECTED":
      return "REJECTED, nothing touched";
    case "ROLLED_BACK":
      return `ROLLED BACK${isLive}`;
    case "NOT_CONVERGED":
      return `NOT CONVERGED${isLive}`;
    case "ROLLBACK_FAILED":
      return "ROLLBACK FAILED, act now";
  }
}

function largest({ json, detail, email, chat }: Notification): number {
  return Math.max(
    ...[JSON.stringify(json), JSON.stringify(detail), email, chat].map((text) => Buffer.byteLength(text)),
  );
}
