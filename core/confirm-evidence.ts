import { stragglersOf } from "./dependents/database-sessions.ts";
import type { DependentEvidence } from "./outcome.ts";
import type { DependentPolicy } from "./policies.ts";
import type { Session } from "./strategies/strategy.ts";

type Asked = Pick<DependentPolicy, "name" | "application" | "evidence" | "required"> &
  Partial<Pick<DependentPolicy, "kind" | "target">>;

export interface EvidenceToConfirm {
  readonly dependents: readonly Asked[];
  /** What Verify has seen, at most once for each dependent. */
  readonly seen: readonly DependentEvidence[];
  /** The open sessions of the version's user. undefined: the target cannot tell. */
  readonly sessions: readonly Session[] | undefined;
  /** Those of the version before, where its user is another one. "unknown": it could not be asked. Absent: there is no such user. */
  readonly sessionsBefore?: readonly Session[] | "unknown";
  /** When the version became AWSCURRENT: whoever signed in afterwards, as its user, has used it. */
  readonly since: Date;
}

export interface ConfirmedEvidence {
  /** One entry for each dependent, in the policy's order; "claimed" does not occur in it. */
  readonly evidence: DependentEvidence[];
  /** Names of the required dependents that were seen less well than their policy wants. */
  readonly missing: string[];
}

/**
 * Compares what dependents say with what the target has seen. A pooled connection survives a password change, and a
 * version id is easily echoed: only a session that began afterwards proves an authentication. Pure.
 *
 * 1. Not seen at all, or seen as "none": stays "none". Its sessions are not asked: it may itself report another version.
 * 2. Strong already (observed by somebody other than the dependent): stays strong.
 * 3. Claimed or weak, and a session of its application began at or after `since`: strong. A dependent that names no
 *    version is proved by its session alone.
 * 4. As 3, but it is judged by all of its sessions (database-sessions), and one is older or the old user's: weak if the policy
 *    refuses stragglers, strong if it wants them reported. They are named.
 * 5. Claimed or weak, and no such session, or the policy names no application, or the target cannot tell: weak, with the
 *    reason.
 */
export function confirmEvidence(asked: EvidenceToConfirm): ConfirmedEvidence {
  const { dependents, seen } = asked;
  const evidence = dependents.map((dependent): DependentEvidence => {
    const { name } = dependent;
    const one = seen.find((each) => each.dependent === name);
    if (one === undefined) {
      return { dependent: name, strength: "none", seen: "it was not looked at" };
    }
    if (one.strength === "none" || one.strength === "strong") {
      return one;
    }
    const { proved, facts } = lookAtSessions(dependent, asked);
    return { dependent: name, strength: proved ? "strong" : "weak", seen: [one.seen, ...facts].join("; ") };
  });
  const missing = dependents.filter(({ required, evidence: wanted }, index) => {
    const strength = evidence[index]?.strength;
    return required && (strength === "none" || (wanted === "strong" && strength !== "strong"));
  });
  return { evidence, missing: missing.map(({ name }) => name) };
}

// --- sessions ---

interface Look {
  readonly proved: boolean;
  readonly facts: readonly string[];
}

function lookAtSessions(dependent: Asked, { sessions, sessionsBefore = [], since }: EvidenceToConfirm): Look {
  const { application, kind = "", target } = dependent;
  if (sessions === undefined) return { proved: false, facts: ["the target cannot tell who has signed in"] };
  if (application === undefined) {
    return { proved: false, facts: ["the policy names no application to look for at the target"] };
  }
  const ofIt = (some: readonly Session[]) => some.filter((session) => session.application === application);
  const own = ofIt(sessions);
  const older = own.filter(({ begunAt }) => begunAt.getTime() < since.getTime());
  const newest = own.filter((session) => !older.includes(session)).reduce(later, undefined);
  const before = sessionsBefore === "unknown" ? sessionsBefore : ofIt(sessionsBefore);
  const stragglers = stragglersOf({ kind, target });
  const named = stragglers === undefined ? [] : nameStragglers(newest === undefined ? [] : older, before);
  if (newest === undefined) {
    const instead = older.length > 0 ? `only older sessions of it are open, ${from(older)}` : "it has no session";
    const fact = `the target has not seen "${application}" sign in since ${since.toISOString()}: ${instead}`;
    return { proved: false, facts: [fact, ...named] };
  }
  const fact = `the target saw "${application}" sign in at ${newest.begunAt.toISOString()}`;
  return { proved: stragglers !== "refuse" || named.length === 0, facts: [fact, ...named] };
}

/** One fact for each way in which a session can be behind. */
function nameStragglers(older: readonly Session[], before: readonly Session[] | "unknown"): readonly string[] {
  const facts = older.length > 0 ? [`${count(older)} older than the promotion, ${from(older)}`] : [];
  if (before === "unknown") return [...facts, "it could not be asked who is still signed in as the user before"];
  return before.length > 0 ? [...facts, `${count(before)} the user's before, ${from(before)}`] : facts;
}

function later(one: Session | undefined, other: Session): Session {
  return one && one.begunAt >= other.begunAt ? one : other;
}

function count({ length }: readonly Session[]): string {
  return length === 1 ? "one open session is" : `${length} open sessions are`;
}

/** Where they come from: five addresses are enough to begin with. */
function from(sessions: readonly Session[]): string {
  const addresses = [
    ...new Set(sessions.map(({ address }) => (address === "" ? "the target's own machine" : address))),
  ];
  const named = addresses.slice(0, NAMED).join(", ");
  return addresses.length > NAMED ? `from ${named} and ${addresses.length - NAMED} more` : `from ${named}`;
}

const NAMED = 5;
