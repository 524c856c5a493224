import type { LabelTable, OutcomeFacts } from "../outcome.ts";
import { rootCauseOf } from "../root-causes.ts";
import type { Assessment } from "./assess.ts";
import type { NotificationContext } from "./build-notification.ts";
import { executionLink, placeOf, readHistory, secretLink, shell } from "./commands.ts";
import { errorRunbook } from "./error-runbook.ts";
import type { RotationFacts } from "./schema.ts";
import { between, clean, identifier } from "./text.ts";

/** How much of the lists and texts a message takes up. */
export interface Detail {
  readonly dependents: number;
  readonly versions: number;
  /** Labels of one version at one instant. */
  readonly labels: number;
  readonly remarks: number;
  /** Characters of an error's message, and of a remark. */
  readonly message: number;
  /** Whether the next steps come with their commands. */
  readonly commands: boolean;
  /** Characters of what was seen of a dependent. */
  readonly seen: number;
}

/** The facts as messages tell them: cleaned, cut, and with what they mean. */
export function describeFacts(
  facts: OutcomeFacts,
  { verdict, nextSteps, live, ...assessed }: Assessment,
  { stage, errorRunbook: page }: NotificationContext,
  detail: Detail,
): RotationFacts {
  const { region, account } = placeOf(facts);
  const dependents = dependentsOf(facts, detail);
  const versions = versionsOf(facts, detail);
  return {
    outcome: facts.outcome,
    severity: assessed.severity,
    actionRequired: assessed.actionRequired,
    summary: verdict,
    secret: {
      name: orNull(facts.secretName, 512),
      arn: identifier(facts.secretArn, 700),
      account: account || null,
      region: region || null,
      stage,
      owner: orNull(facts.owner, 64),
      strategy: orNull(facts.strategy, 64),
      class: orNull(facts.secretClass, 32),
    },
    rotation: {
      token: identifier(facts.token, 64),
      mode: identifier(facts.mode, 16),
      startedAt: identifier(facts.execution.startedAt, 40),
      executionName: identifier(facts.execution.name, 80),
      executionArn: identifier(facts.execution.arn, 512),
    },
    state: {
      production: assessed.production,
      live: liveAs(facts, live),
      liveVersionId: orNull(live, 64),
      // After a failed rollback the version that signed in last is not necessarily the one that is live.
      liveSignedInAt: facts.outcome === "ROLLBACK_FAILED" ? null : orNull(facts.signedInAt, 40),
      credentialGapMs: between(facts.gap?.from, facts.gap?.to) ?? null,
      newWasLiveMs: between(facts.promotedAt, facts.restoredAt) ?? null,
      frozen: facts.frozen ?? null,
      versions: versions.shown,
      moreVersions: versions.more,
      truthTable:
        facts.truthTable?.slice(0, detail.versions).map(({ versionId, labels, signIn }) => ({
          id: identifier(versionId, 64),
          labels: stagesOf(labels, detail),
          signIn,
        })) ?? null,
    },
    failure: failureOf(facts.failure, detail),
    rollbackFailure: failureOf(facts.rollbackFailure, detail),
    dependents,
    rehearsal: rehearsalOf(facts),
    override: overrideOf(facts, detail),
    remarks: remarksOf(facts)
      .slice(0, detail.remarks)
      .map((each) => clean(each, detail.message)),
    nextSteps: nextSteps.map(({ say, command }) => ({
      say,
      command: command && detail.commands ? shell(command).join(" ") : null,
    })),
    links: {
      execution: whole(executionLink(facts, facts.execution.arn)),
      secret: whole(secretLink(facts)),
      runbook: orNull(facts.runbook, 500),
      errorRunbook: whole(errorRunbook(facts, page)),
      history: shell(readHistory(facts, facts.execution.arn)).join(" "),
    },
  };
}

/** Which version is live, seen from the rotation; null where that is not known. */
export function liveAs({ token, base }: OutcomeFacts, live: string | undefined): RotationFacts["state"]["live"] {
  if (live === undefined) return null;
  if (live === token) return "new";
  if (base == null) return null;
  return live === base ? "previous" : "other";
}

function dependentsOf({ dependents }: OutcomeFacts, detail: Detail): RotationFacts["dependents"] {
  const { baseline, after, restored } = dependents;
  const names = [...(baseline ?? []), ...(after ?? []), ...(restored ?? [])].map(({ dependent }) => dependent);
  const all = [...new Set(names)].map((name) => {
    const find = <T extends { readonly dependent: string }>(list: readonly T[] | null | undefined) =>
      list?.find(({ dependent }) => dependent === name);
    const [before, then, again] = [find(baseline), find(after), find(restored)];
    const seen = (again ?? then ?? before)?.seen;
    return {
      name: identifier(name, 64),
      before: before?.health ?? null,
      after: then?.strength ?? null,
      restored: again?.strength ?? null,
      seen: seen === undefined || detail.seen === 0 ? null : clean(seen, detail.seen),
    };
  });
  const isProblem = (each: (typeof all)[number]) =>
    each.before === "unhealthy" || each.after === "none" || each.restored === "none";
  // What a reader looks for comes first, so that it is never among those that are left out.
  const items = [...all.filter(isProblem), ...all.filter((each) => !isProblem(each))].slice(0, detail.dependents);
  return { total: all.length, items, more: all.length - items.length };
}

function versionsOf({ base, token, labels }: OutcomeFacts, detail: Detail) {
  const { before, during, now } = labels;
  const known = [before, during, now].flatMap((table) => Object.keys(table ?? {}));
  const ours = [base, token].filter((id): id is string => typeof id === "string" && known.includes(id));
  const all = [...new Set([...ours, ...known])];
  const at = (table: LabelTable | null | undefined, id: string) =>
    table == null ? null : stagesOf(Object.hasOwn(table, id) ? (table[id] ?? []) : [], detail);
  const shown = all.slice(0, detail.versions).map((id) => ({
    id: identifier(id, 64),
    before: at(before, id),
    during: at(during, id),
    now: at(now, id),
  }));
  return { shown, more: all.length - shown.length };
}

/** AWS's labels and ours first: the others are the ones to be left out. */
function stagesOf(labels: readonly string[], detail: Detail): string[] {
  const rank = (label: string) => (/^(AWS|ROTATION_)/.test(label) ? 0 : 1);
  const sorted = [...labels].sort((a, b) => rank(a) - rank(b));
  return sorted.slice(0, detail.labels).map((label) => identifier(label, 64));
}

function failureOf(failure: OutcomeFacts["failure"], detail: Detail): RotationFacts["failure"] {
  if (failure == null) return null;
  const { step, name, message } = failure;
  return {
    step: identifier(step, 80),
    name: identifier(name, 64),
    message: clean(message, detail.message),
    likelyCause: rootCauseOf(message)?.because ?? null,
  };
}

function remarksOf({ reason, remarks }: OutcomeFacts): readonly string[] {
  return [...(reason == null ? [] : [`Why it ran: ${reason}.`]), ...(remarks ?? [])];
}

function rehearsalOf({ rehearsal }: OutcomeFacts): RotationFacts["rehearsal"] {
  if (rehearsal == null) return null;
  const { part, digest, strategy, rollbackExecution } = rehearsal;
  return {
    part,
    digest: identifier(digest, 64),
    strategy: identifier(strategy, 64),
    rollbackExecution: orNull(rollbackExecution, 96),
  };
}

function overrideOf({ override }: OutcomeFacts, detail: Detail): RotationFacts["override"] {
  if (override == null) return null;
  return { by: clean(override.by, 64), reason: clean(override.reason, detail.message) };
}

export function orNull(text: string | null | undefined, length: number): string | null {
  return text == null ? null : identifier(text, length) || null;
}

/** Half a link leads nowhere. */
export function whole(link: string | undefined): string | null {
  return link === undefined || link.length > 800 ? null : link;
}
