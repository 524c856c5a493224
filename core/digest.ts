import * as z from "zod/mini";
import { EVENT_SOURCE } from "./blueprint.ts";
import { busEvent, DIGEST_COMPILED } from "./events.ts";

/** What people are asked to look at, most urgent first: how a rotation ended, or what reconcile calls it. */
export const MATTERS = [
  "ROLLBACK_FAILED",
  "SecretFrozen",
  "DIED",
  "NOT_CONVERGED",
  "Overdue",
  "ROLLED_BACK",
  "REJECTED",
] as const;

/** How many of them a digest names. */
export const MOST_MATTERS = 20;

const count = z.int().check(z.minimum(0));

/** A week, counted: how rotations ended, and what is due. Ids, names and times, never a value. */
export const digest = z.strictObject({
  /** ISO 8601 times. Counted is what ended after `from`, up to `to`. */
  from: z.string(),
  to: z.string(),
  account: z.string(),
  region: z.string(),
  /** By how the last execution of each ended: a repair's end is that of its rotation. */
  rotations: z.strictObject({
    SUCCEEDED: count,
    REJECTED: count,
    ROLLED_BACK: count,
    NOT_CONVERGED: count,
    ROLLBACK_FAILED: count,
    /** Stopped, timed out, or ended by Step Functions, and not repaired. */
    DIED: count,
  }),
  /** First parts of rehearsals, taken back as they are meant to be: in no other number. */
  rehearsed: count,
  /** Executions that there was no time to look at. */
  notLookedAt: count,
  /** Those that have a policy, when the digest was made. */
  secrets: z.strictObject({
    withPolicy: count,
    /** Within the next seven days. */
    due: count,
    overdue: count,
    frozen: count,
    /** Those for whose date there was no time. */
    notLookedAt: count,
  }),
  /** In the order of MATTERS. */
  matters: z.array(
    z.strictObject({
      secretName: z.string(),
      what: z.enum(MATTERS),
      /** The execution that ended so. null: it is the secret that is so. */
      executionName: z.nullable(z.string()),
    }),
  ),
  moreMatters: count,
});
export type Digest = z.infer<typeof digest>;
export type Matter = Digest["matters"][number];

/** A digest as it comes over the rotation bus. */
export const digestCompiled = z.extend(busEvent, {
  source: z.literal(EVENT_SOURCE),
  "detail-type": z.literal(DIGEST_COMPILED),
  detail: digest,
});

export const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
/** The first Monday of the epoch, at 08:00 UTC. */
const FIRST_MS = Date.UTC(1970, 0, 5, 8);

/** The last Monday, 08:00 UTC, that is not after a time. In milliseconds since the epoch. Pure. */
export function weekBefore(nowMs: number): number {
  return FIRST_MS + Math.floor((nowMs - FIRST_MS) / WEEK_MS) * WEEK_MS;
}
