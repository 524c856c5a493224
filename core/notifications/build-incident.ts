import { type Incident, type IncidentStep, incidentId } from "../incident.ts";
import { assessIncident, type IncidentAssessment } from "./assess-incident.ts";
import { MAXIMUM_BYTES, type NotificationContext, stageOf } from "./build-notification.ts";
import { chatOfIncident, writeChat } from "./chat.ts";
import { describeSecret, executionLink, placeOf, readHistory, readLog, secretLink, shell } from "./commands.ts";
import { incidentRunbook } from "./error-runbook.ts";
import { writeIncidentEmail } from "./incident-email.ts";
import type { IncidentBody, IncidentNotification } from "./incident-schema.ts";
import { INCIDENT_EVENTS } from "./names.ts";
import { orNull, whole } from "./rotation-facts.ts";
import { subjectLine, withoutTag } from "./subject.ts";
import { clean, identifier } from "./text.ts";

/**
 * What is told of an incident, for every audience: with the attributes that the messages of outcomes have, so that one
 * filter policy is for both. The same incident gives the same messages, and has the same id whenever it is told again.
 * Pure; never throws.
 */
export function buildIncident(incident: Incident, given: NotificationContext): IncidentNotification {
  const context = { ...given, stage: stageOf(given) };
  const assessment = assessIncident(incident);
  for (const detail of DETAILS) {
    const message = write(incident, assessment, context, detail);
    if (largest(message) <= MAXIMUM_BYTES) return message;
  }
  return write(incident, assessment, context, LEAST);
}

/** How much of the texts a message takes up. */
interface Detail {
  /** Characters of the message, and of one next step. */
  readonly message: number;
  readonly step: number;
  /** Whether there are links and commands. */
  readonly links: boolean;
}

/** Tried in this order until everything fits. */
const DETAILS: readonly Detail[] = [
  { message: 1000, step: 300, links: true },
  { message: 500, step: 150, links: true },
];
const LEAST: Detail = { message: 200, step: 60, links: false };

function write(
  incident: Incident,
  assessment: IncidentAssessment,
  context: NotificationContext,
  detail: Detail,
): IncidentNotification {
  const { severity } = incident;
  const { stage } = context;
  const { actionRequired, verdict, said } = assessment;
  const json = describeIncident(incident, assessment, context, detail);
  const { id, event, secret } = json;
  const subject = subjectLine({ severity, stage, secret: incident, said });
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
      secret: secret.name ?? (secret.arn || "unknown"),
      mode: "unknown",
      actionRequired: String(actionRequired),
      ...(secret.owner && { owner: secret.owner }),
    },
    json,
    email: writeIncidentEmail(json),
    chat: writeChat(chatOfIncident(withoutTag(subject), json)),
    verdict,
  };
}

function describeIncident(
  incident: Incident,
  { actionRequired, production, verdict }: IncidentAssessment,
  { stage, errorRunbook: page }: NotificationContext,
  detail: Detail,
): IncidentBody {
  const { region, account } = placeOf(incident);
  return {
    schema: "rotation.incident/1",
    id: incidentId(incident),
    event: INCIDENT_EVENTS[incident.kind],
    kind: incident.kind,
    name: identifier(incident.name, 64),
    severity: incident.severity,
    actionRequired,
    summary: verdict,
    message: clean(incident.message, detail.message),
    at: identifier(incident.at, 40),
    secret: {
      name: orNull(incident.secretName, 512),
      arn: identifier(incident.secretArn, 600),
      account: account || null,
      region: region || null,
      stage,
      owner: orNull(incident.owner, 64),
      hasPolicy: incident.hasPolicy,
    },
    rotation: {
      token: orNull(incident.token, 64),
      step: incident.step,
      functionArn: orNull(incident.functionArn, 200),
      executionName: orNull(incident.executionName, 96),
      executionArn: orNull(incident.executionArn, 300),
    },
    state: { production },
    nextSteps: incident.nextSteps.map((each) => stepOf(each, detail)).filter(({ say }) => say !== ""),
    links: {
      ...(detail.links ? linksOf(incident) : NO_LINKS),
      runbook: orNull(incident.runbook, 500),
      errorRunbook: whole(incidentRunbook(incident, page)),
    },
  };
}

/** Half a command is none: it may do something else. */
function stepOf(step: IncidentStep, detail: Detail): IncidentBody["nextSteps"][number] {
  if (typeof step === "string") return { say: clean(step, detail.step), command: null };
  const command = shell(step.command.map((word) => identifier(word, Number.POSITIVE_INFINITY))).join(" ");
  const fits = detail.links && command.length <= LONGEST_COMMAND;
  return { say: clean(step.say, detail.step), command: fits ? command : null };
}

/** In characters: of the longest names and ids that AWS allows there are some 900. */
const LONGEST_COMMAND = 1200;

const NO_LINKS = { execution: null, secret: null, versions: null, log: null, history: null };
/** How long a step of a rotation function may have begun before it was reported as failed: Lambda's longest, and some. */
const LOG_MS = 20 * 60 * 1000;

function linksOf(incident: Incident): Omit<IncidentBody["links"], "runbook" | "errorRunbook"> {
  const { executionArn, functionArn, at } = incident;
  const since = new Date(Date.parse(at) - LOG_MS);
  const known = functionArn !== null && !Number.isNaN(since.getTime());
  const log = known ? readLog(identifier(functionArn, 200), `${since.toISOString().slice(0, 19)}Z`) : undefined;
  return {
    execution: executionArn === null ? null : whole(executionLink(incident, executionArn)),
    secret: whole(secretLink(incident)),
    versions: shell(describeSecret(incident)).join(" "),
    log: log === undefined ? null : shell(log).join(" "),
    history: executionArn === null ? null : shell(readHistory(incident, executionArn)).join(" "),
  };
}

function largest({ json, email, chat }: IncidentNotification): number {
  return Math.max(...[JSON.stringify(json), email, chat].map((text) => Buffer.byteLength(text)));
}
