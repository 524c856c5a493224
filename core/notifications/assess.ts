import type { OutcomeFacts } from "../outcome.ts";
import { adviceOf, PLANNED } from "./advice.ts";
import { type Command, describeSecret, makeCurrent, rotateSecret, takeOff } from "./commands.ts";
import { insteadOfRollback, look } from "./instead.ts";
import { capital, duty, holderOf, names, reasonOf, seenBy, signIn } from "./phrases.ts";
import type { RotationFacts } from "./schema.ts";
import { count, identifier, shortId } from "./text.ts";

export interface NextStep {
  readonly say: string;
  readonly command?: Command;
}

/** What the facts mean for the reader. Nothing is claimed that the facts do not say. */
export interface Assessment {
  readonly severity: RotationFacts["severity"];
  readonly actionRequired: boolean;
  readonly production: RotationFacts["state"]["production"];
  /** VersionId of what applications read now. */
  readonly live?: string;
  readonly verdict: string;
  /** The end of the subject. */
  readonly reason: string;
  readonly nextSteps: readonly NextStep[];
}

/**
 * What an ended rotation means for its reader: how bad it is, whether production works, and what to do next. Pure, and
 * the same facts always give the same words. Never throws.
 */
export function assess(facts: OutcomeFacts): Assessment {
  switch (facts.outcome) {
    case "SUCCEEDED":
      return succeeded(facts);
    case "REJECTED":
      return rejected(facts);
    case "ROLLED_BACK":
      return rolledBack(facts);
    case "NOT_CONVERGED":
      return notConverged(facts);
    case "ROLLBACK_FAILED":
      return rollbackFailed(facts);
  }
}

function succeeded(facts: OutcomeFacts): Assessment {
  const all = facts.dependents.after ?? [];
  const known = facts.signedInAt != null || all.some(({ strength }) => strength !== "none");
  const live = `the new version ${shortId(facts.token)} is live${signIn(facts)}`;
  const follow = all.length === 0 ? "no dependent was looked at" : seenBy(all, "seen using it");
  const verdict = known
    ? `Production works: ${live}, and ${follow}; nothing to do.`
    : `Whether production works is not known: ${live}, and ${follow}; nothing to do if it does.`;
  const used = all.filter(({ strength }) => strength === "strong" || strength === "claimed").length;
  return {
    severity: "notice",
    actionRequired: false,
    production: known ? "working" : null,
    live: facts.token,
    verdict,
    reason: all.length === 0 ? "no dependents looked at" : `${used}/${count(all.length, "dependent")} seen`,
    nextSteps: [],
  };
}

function rejected(facts: OutcomeFacts): Assessment {
  const live = holderOf(facts.labels.now) ?? holderOf(facts.labels.before) ?? facts.base ?? undefined;
  const { todo, calm = false } = adviceOf(facts);
  const refused = facts.failure?.name === "CredentialRejected" || facts.failure?.name === "CredentialDrift";
  const still = live === undefined ? "which version is live was not read" : `version ${shortId(live)} is still live`;
  const but = refused ? ", but the target refuses a credential that should work, so production may be broken" : "";
  return {
    severity: calm ? "notice" : "warning",
    actionRequired: !calm,
    production: refused ? "may-be-broken" : "unchanged",
    ...(live !== undefined && { live }),
    verdict: `Production was not touched by this rotation and ${still}${but}; ${duty(facts)}.`,
    reason: reasonOf(facts.failure, facts.reason),
    nextSteps: calm ? [] : [{ say: capital(todo) }, ...rotateAgain(facts, "Then rotate again")],
  };
}

function rolledBack(facts: OutcomeFacts): Assessment {
  const { todo, calm = false } = adviceOf(facts);
  const all = facts.dependents.restored ?? [];
  const back = facts.promotedAt == null ? "is on" : "is back on";
  const live = holderOf(facts.labels.now) ?? facts.base ?? undefined;
  const elsewhere = live !== undefined && live !== facts.base;
  const old = facts.base == null ? "the old version" : `the old version ${shortId(facts.base)}`;
  const version = elsewhere ? `version ${shortId(live)}, where somebody else has put AWSCURRENT meanwhile` : old;
  const follow = all.length === 0 ? "" : `, and ${seenBy(all, "back on it")}`;
  const wait = `Then rotate again${facts.mode === "native" ? " (refused until the policy's retryAfterRollbackSeconds are over)" : ""}`;
  return {
    severity: calm ? "notice" : "warning",
    actionRequired: !calm,
    production: "working",
    ...(live !== undefined && { live }),
    verdict: `Production works: it ${elsewhere ? "is on" : back} ${version}${signIn(facts)}${follow}; ${duty(facts)}.`,
    reason: facts.failure?.name === PLANNED ? "planned by a rehearsal" : reasonOf(facts.failure, facts.reason),
    nextSteps: calm ? [] : [{ say: capital(todo) }, ...rotateAgain(facts, wait)],
  };
}

function notConverged(facts: OutcomeFacts): Assessment {
  const all = facts.dependents.after ?? [];
  const behind = all.filter(({ strength }) => strength === "none" || strength === "weak");
  const nobody = facts.live === facts.token && all.length === 0 ? "no dependent was" : "not every dependent was";
  const who = behind.length === 0 ? nobody : `${names(behind)} ${behind.length === 1 ? "was" : "were"} not`;
  const { todo } = adviceOf(facts);
  const live = holderOf(facts.labels.now) ?? facts.live ?? undefined;
  const what =
    live === facts.token
      ? `the new version ${shortId(live)} is live${signIn(facts)} and stays live`
      : moved(facts, live);
  return {
    severity: "critical",
    actionRequired: true,
    production: "may-be-broken",
    ...(live !== undefined && { live }),
    verdict: `Production may be broken: ${what}, and ${who} seen using the new one; ${duty(facts)}.`,
    reason: reasonOf(facts.failure, facts.reason),
    nextSteps: [{ say: capital(todo) }, ...(facts.mode === "observed" ? insteadOfRollback(facts) : [look(facts)])],
  };
}

/** Nothing of an observed rotation moves a label or reads them again at the end. */
function moved({ mode, token, labels, failure }: OutcomeFacts, live: string | undefined): string {
  if (live !== undefined) return `somebody else has moved AWSCURRENT to version ${shortId(live)}`;
  if (mode === "observed" && holderOf(labels.before) === token) {
    return `version ${shortId(token)}, which somebody else has rotated in, was live when Rotor saw it and was not taken back`;
  }
  const who = failure?.name === "RotationInProgress" ? "somebody else has moved AWSCURRENT, and " : "";
  return `${who}which version is live now was not read`;
}

function rollbackFailed(facts: OutcomeFacts): Assessment {
  const table = facts.truthTable ?? [];
  const current = table.find(({ labels }) => labels.includes("AWSCURRENT"));
  const live = current?.versionId ?? holderOf(facts.labels.now);
  const accepted = table.filter(({ signIn }) => signIn === "accepted").map(({ versionId }) => versionId);
  const works = accepted.find((versionId) => versionId === facts.base) ?? accepted[0];
  const common = {
    severity: "critical",
    actionRequired: true,
    ...(live !== undefined && { live }),
    reason: reasonOf(facts.rollbackFailure ?? facts.failure),
  } as const;
  const say = (what: string) => `${what}; the rollback did not complete, and a person has to act now.`;

  const find = { say: "Find out which labelled version the target accepts", command: describeSecret(facts) };

  if (current === undefined) {
    return {
      ...common,
      production: "may-be-broken",
      verdict: say("Production may be broken: which version the target accepts was not measured"),
      nextSteps: [find, ...letGo(facts)],
    };
  }
  const id = shortId(current.versionId);
  if (current.signIn === "accepted") {
    return {
      ...common,
      production: "may-be-broken",
      verdict: say(
        `Production may be broken: AWSCURRENT is version ${id}, which the target accepted, but dependents may not use it`,
      ),
      nextSteps: [{ say: `See that every dependent uses version ${id}` }, ...letGo(facts)],
    };
  }
  if (current.signIn !== "rejected") {
    return {
      ...common,
      production: "may-be-broken",
      verdict: say(`Production may be broken: AWSCURRENT is version ${id}, and ${UNASKED[current.signIn]}`),
      nextSteps: [find, ...letGo(facts)],
    };
  }
  const repair: NextStep =
    works === undefined
      ? { say: `Set the password of version ${id} at the target: no labelled version was accepted there` }
      : {
          say: `Make AWSCURRENT the version that the target accepts, ${shortId(works)}`,
          command: makeCurrent(facts, works, current.versionId),
        };
  const other = works === undefined ? "it accepts no labelled version" : `it accepts ${shortId(works)}`;
  return {
    ...common,
    production: "broken",
    verdict: say(`Production is broken: AWSCURRENT is version ${id}, which the target rejects, and ${other}`),
    nextSteps: [repair, ...letGo(facts)],
  };
}

/** Why a version's sign-in says nothing. */
const UNASKED = {
  unreachable: "the target could not be reached",
  unknown: "the target cannot be asked",
  "no value": "that version has no value",
  unreadable: "its value could not be read",
} as const;

// --- next steps ---

function rotateAgain(facts: OutcomeFacts, say: string): readonly NextStep[] {
  if (facts.mode === "native" && facts.secretName != null) return [{ say, command: rotateSecret(facts) }];
  if (facts.mode === "driven") return [{ say: `${say}: put a new Rotation Requested event on the rotation bus` }];
  return [];
}

function letGo(facts: OutcomeFacts): readonly NextStep[] {
  switch (facts.frozen) {
    case true:
      return [
        {
          say: "When target and labels agree, let rotations go on again",
          command: takeOff(facts, "ROTATION_FROZEN", facts.token),
        },
        {
          say: `Then start a repair of ${identifier(facts.execution.name, 96)}: it takes our labels off the candidate`,
        },
      ];
    case false:
      return [{ say: "Keep the secret from being rotated meanwhile: Rotor could not put ROTATION_FROZEN on it" }];
    default:
      return [];
  }
}
