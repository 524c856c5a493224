import * as z from "zod/mini";
import { parse } from "../parse.ts";
import { defineDependent } from "./dependent.ts";

const stragglers = z._default(z.enum(["refuse", "report"]), "refuse");

const target = z.prefault(
  z.strictObject({
    /**
     * What a session of its application means that is older than the promotion, or signed in as the old user. "refuse": it has not
     * followed yet. "report": it is named in the outcome.
     */
    stragglers,
  }),
  {},
);
export type DatabaseSessions = z.infer<typeof target>;

/**
 * A service that nobody can ask: only what the target sees of it speaks for it. ConfirmEvidence looks at the sessions of its
 * `application`, and names the stragglers. It finds a new version by itself, so there is nothing to refresh.
 */
export const databaseSessions = defineDependent<DatabaseSessions>({
  kind: "database-sessions",
  target,

  /** Never throws, and knows nothing: the evidence is confirmed at the target, or stays weak. */
  verify: async (_, { versionId }) => ({
    strength: "weak",
    seen: `nobody is asked: its sessions tell whether it uses version ${versionId}`,
  }),
});

/** What stragglers of this dependent mean; undefined for one of another kind, which is judged by its newest session alone. Pure. */
export function stragglersOf(dependent: {
  readonly kind: string;
  readonly target?: unknown;
}): DatabaseSessions["stragglers"] | undefined {
  if (dependent.kind !== databaseSessions.kind) return undefined;
  const parsed = parse(target, dependent.target);
  return parsed.success ? parsed.data.stragglers : "refuse";
}
