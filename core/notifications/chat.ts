import type { IncidentBody } from "./incident-schema.ts";
import type { RotationFacts } from "./schema.ts";

/** What a chat message is made from. */
export interface Chat {
  readonly id: string;
  /** What threads belong together: the version that is rotated in. */
  readonly thread: string;
  /** "rotation.rolled_back": told to a channel's own filters with hyphens. */
  readonly event: string;
  readonly mark: string;
  readonly title: string;
  readonly lines: readonly string[];
  readonly nextSteps: readonly { readonly say: string; readonly command: string | null }[];
  /** null: it is about no single one. */
  readonly secretArn: string | null;
  readonly runbook: string | null;
  readonly errorRunbook: string | null;
  readonly context: Readonly<Record<string, string>>;
}

/** Slack cuts a section at 3,000 characters, others have dropped the message. */
const LONGEST = { title: 150, description: 2500, step: 250 } as const;
const MOST_STEPS = 5;

/**
 * A custom notification of Amazon Q Developer in chat applications, as JSON: of any other form it drops a message without a word
 * ("Custom notifications using Amazon Q Developer in chat applications"). Text of others is escaped: it can neither mention anybody
 * nor begin a link. Pure; the same facts give the same text.
 */
export function writeChat(chat: Chat): string {
  const steps = chat.nextSteps.slice(0, MOST_STEPS).map(({ say, command }) => {
    const whole = command === null || !isShownAsItIs(command) ? text(say) : `${text(say)}: \`${text(command)}\``;
    return whole.length <= LONGEST.step ? whole : cut(text(say), LONGEST.step);
  });
  const runbooks = [
    ...(chat.errorRunbook === null ? [] : [link(chat.errorRunbook, "this error")]),
    ...(chat.runbook === null ? [] : [link(chat.runbook, "this secret")]),
  ];
  const nextSteps = runbooks.length === 0 ? steps : [...steps, `Runbook: ${runbooks.join(", ")}`];
  return JSON.stringify({
    version: "1.0",
    source: "custom",
    id: chat.id,
    content: {
      textType: "client-markdown",
      title: cut(`${chat.mark} ${text(chat.title)}`, LONGEST.title),
      description: cut(chat.lines.map(text).join("\n"), LONGEST.description),
      ...(nextSteps.length === 0 ? {} : { nextSteps }),
    },
    metadata: {
      threadId: chat.thread,
      summary: cut(text(chat.title), LONGEST.title),
      eventType: chat.event.replaceAll(/[._]/g, "-"),
      relatedResources: chat.secretArn === null ? [] : [chat.secretArn],
      additionalContext: chat.context,
    },
  });
}

const MARKS = {
  SUCCEEDED: ":white_check_mark:",
  REJECTED: ":no_entry_sign:",
  ROLLED_BACK: ":leftwards_arrow_with_hook:",
  NOT_CONVERGED: ":warning:",
  ROLLBACK_FAILED: ":rotating_light:",
} as const satisfies Record<RotationFacts["outcome"], string>;

/** @param title the subject of the mail, without its severity */
export function chatOfRotation(id: string, event: string, title: string, facts: RotationFacts): Chat {
  const { outcome, severity, secret, rotation, failure, dependents, links } = facts;
  const failed = dependents.items
    .filter(({ after, restored }) => (restored ?? after) === "none")
    .map(({ name }) => name);
  return {
    ...{
      id,
      event,
      title,
      thread: rotation.token || id,
      mark: MARKS[outcome],
      secretArn: secret.arn,
      runbook: links.runbook,
      errorRunbook: links.errorRunbook,
    },
    lines: [
      facts.summary,
      ...(failure === null ? [] : [`Failed at ${failure.step}: ${failure.name}: ${failure.message}`]),
      ...(failure?.likelyCause == null ? [] : [`Likely why: ${failure.likelyCause}`]),
      ...(dependents.total === 0
        ? []
        : [`Dependents: ${dependents.total}${failed.length === 0 ? "" : `, not seen: ${failed.join(", ")}`}`]),
    ],
    nextSteps: facts.nextSteps,
    context: contextOf({
      severity,
      outcome,
      stage: secret.stage,
      owner: secret.owner,
      execution: rotation.executionName,
    }),
  };
}

export function chatOfIncident(title: string, body: IncidentBody): Chat {
  const { id, event, severity, secret, rotation, links, kind } = body;
  return {
    ...{ id, event, title, secretArn: secret.arn, runbook: links.runbook, errorRunbook: links.errorRunbook },
    thread: rotation.token || id,
    mark: severity === "critical" ? ":rotating_light:" : severity === "warning" ? ":warning:" : ":information_source:",
    lines: [body.summary, `${body.name}: ${body.message}`],
    nextSteps: body.nextSteps,
    context: contextOf({ severity, kind, stage: secret.stage, owner: secret.owner, execution: rotation.executionName }),
  };
}

// --- internal ---

/** Only what is known: a value has to be a text. */
function contextOf(all: Readonly<Record<string, string | null>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(all).flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
}

/** Text of others as a channel shows it, and as nothing else. */
function text(of: string): string {
  return of
    .replace(/[&<>]/g, (character) => ENTITIES[character as keyof typeof ENTITIES])
    .replace(new RegExp(MENTION, "gi"), "@ ");
}

const MENTION = /@(?=(channel|here|everyone|all)\b)/i;
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" } as const;

/** A command that a channel would show changed is worse than none: it is pasted. */
function isShownAsItIs(command: string): boolean {
  return !command.includes("`") && !MENTION.test(command);
}

/** An address that a policy or the deployment names: it is checked to be one, and could still end the brackets. */
function link(address: string, says: string): string {
  return `<${address.replace(/[<>|\s]/g, encodeURIComponent)}|${says}>`;
}

function cut(of: string, length: number): string {
  const all = [...of];
  return all.length <= length ? of : `${all.slice(0, length - 3).join("")}...`;
}
