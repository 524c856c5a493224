import type { DependentEvidence } from "./outcome.ts";
import type { DependentPolicy } from "./policies.ts";
import type { Session } from "./strategies/strategy.ts";

export interface EvidenceToConfirm {
  readonly dependents: readonly Pick<DependentPolicy, "name" | "application" | "evidence" | "required">[];
  /** What Verify has seen, at most once for each dependent. */
  readonly seen: readonly DependentEvidence[];
  /** The open sessions of the version's user. undefined: the target cannot tell. */
  readonly sessions: readonly Session[] | undefined;
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
 * 4. Claimed or weak, and no such session, or the policy names no application, or the target cannot tell: weak, with the
 *    reason.
 */
export function confirmEvidence({ dependents, seen, sessions, since }: EvidenceToConfirm): ConfirmedEvidence {
  const evidence = dependents.map(({ name, application }): DependentEvidence => {
    const one = seen.find(({ dependent }) => dependent === name);
    if (one === undefined) {
      return { dependent: name, strength: "none", seen: "it was not looked at" };
    }
    if (one.strength === "none" || one.strength === "strong") {
      return one;
    }
    const session = newest(sessions, application, since);
    if (session !== undefined) {
      const fact = `the target saw "${application}" sign in at ${session.begunAt.toISOString()}`;
      return { dependent: name, strength: "strong", seen: `${one.seen}; ${fact}` };
    }
    return { dependent: name, strength: "weak", seen: `${one.seen}; ${whyNot(sessions, application, since)}` };
  });
  const missing = dependents.filter(({ required, evidence: wanted }, index) => {
    const strength = evidence[index]?.strength;
    return required && (strength === "none" || (wanted === "strong" && strength !== "strong"));
  });
  return { evidence, missing: missing.map(({ name }) => name) };
}

function newest(
  sessions: readonly Session[] | undefined,
  application: string | undefined,
  since: Date,
): Session | undefined {
  return sessions
    ?.filter((session) => session.application === application && session.begunAt.getTime() >= since.getTime())
    .reduce<Session | undefined>((one, other) => (one && one.begunAt >= other.begunAt ? one : other), undefined);
}

function whyNot(sessions: readonly Session[] | undefined, application: string | undefined, since: Date): string {
  if (sessions === undefined) return "the target cannot tell who has signed in";
  if (application === undefined) return "the policy names no application to look for at the target";
  const older = sessions.some((session) => session.application === application);
  const instead = older ? "only older sessions of it are open" : "it has no session";
  return `the target has not seen "${application}" sign in since ${since.toISOString()}: ${instead}`;
}
