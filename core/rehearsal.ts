import { createHash } from "node:crypto";
import { RELEASE } from "./blueprint.ts";
import { RotationError } from "./errors.ts";
import type { Policy } from "./policies.ts";
import type { Secret } from "./versions/secret.ts";

/** Key of the tag that keeps a rehearsal: one per digest, so that a rehearsal of the next release does not replace this one's. */
export const REHEARSAL_TAG = "rotor:rehearsal:";
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Digest of a state machine's definition as it lies in the repository, before its placeholders are filled. */
export function definitionDigest(definition: string): string {
  return createHash("sha256")
    .update(JSON.stringify(JSON.parse(definition)))
    .digest("hex");
}

/**
 * What a rehearsal proves, and nothing that differs between two deployments of the same: the workflow, the strategy and the
 * release that has its code, and the policy without its addresses, names, owner, times and rehearsal.
 *
 * @param definition what `definitionDigest` gives
 */
export function rehearsalDigest(policy: Policy, definition: string): string {
  const { mode, strategy, verify, whenUnhealthy, soakSeconds, password } = policy;
  const dependents = policy.dependents
    .map(({ kind, evidence, required }) => JSON.stringify([kind, evidence, required]))
    .sort();
  const rehearsed = {
    release: RELEASE,
    definition,
    mode,
    strategy,
    dependents,
    verify,
    whenUnhealthy,
    soakSeconds,
    password,
  };
  return createHash("sha256").update(JSON.stringify(rehearsed)).digest("hex").slice(0, 32);
}

export interface Override {
  readonly by: string;
  readonly reason: string;
}

/**
 * Whether the secret may be rotated as far as rehearsals go. Reads nothing.
 *
 * @returns the override that was needed, or undefined when a rehearsal is there or none is required
 * @throws RotationError RehearsalMissing: none of this digest, or one that is too old
 */
export function checkRehearsed(
  secret: Pick<Secret, "name" | "tags">,
  policy: Policy,
  { definition, nowMs }: { readonly definition: string; readonly nowMs: number },
): Override | undefined {
  const { rehearsal } = policy;
  if (rehearsal === undefined) return undefined;
  const problem = problemWith(secret, rehearsal.maxAgeDays, rehearsalDigest(policy, definition), nowMs);
  if (problem === undefined) return undefined;
  const { override } = rehearsal;
  if (override !== undefined && nowMs < Date.parse(override.until)) return { by: override.by, reason: override.reason };
  throw new RotationError(
    "RehearsalMissing",
    `${secret.name} may only be rotated after a rehearsal, and ${problem}. Send "Rehearsal Requested" for the rehearsed secret, or give the policy a rehearsal.override. Nothing was touched.`,
  );
}

/** The rehearsing account's clock may be ahead. By more than an hour it says nothing. Both in milliseconds since the epoch. */
export function isOfTheFuture(atMs: number, nowMs: number): boolean {
  return atMs - nowMs > HOUR_MS;
}

function problemWith(
  { tags }: Pick<Secret, "tags">,
  maxAgeDays: number,
  digest: string,
  nowMs: number,
): string | undefined {
  const kept = tags[REHEARSAL_TAG + digest];
  if (kept === undefined) {
    const others = Object.keys(tags).filter((key) => key.startsWith(REHEARSAL_TAG)).length;
    return others === 0
      ? "none is known"
      : `none of this release, workflow and policy is known (digest ${digest}; ${others} of others)`;
  }
  const at = Date.parse(kept.split(" ")[0] ?? "");
  if (nowMs - at <= maxAgeDays * DAY_MS && !isOfTheFuture(at, nowMs)) return undefined;
  return `the last one (${kept}) is not of the last ${maxAgeDays} days`;
}
