import * as z from "zod";
import { baseline, labelTable, override, rehearsalRun } from "./outcome.ts";
import type { Policy } from "./policies.ts";
import type { Secret } from "./versions/secret.ts";

export const rotationInput = z.strictObject({
  secretArn: z.string().startsWith("arn:"),
  /** VersionId of the candidate. */
  token: z.string().min(32).max(64),
  mode: z.enum(["native", "driven", "observed", "repair"]),
});
export type RotationInput = z.infer<typeof rotationInput>;

/**
 * What the workflow knows from its first state on: the pre-state that a rollback restores, and the policy's decisions.
 * Ids, names and numbers. Recorded in the execution's history, from where a repair takes it.
 */
export const rotationPlan = z.object({
  decision: z.enum(["rotate", "observe", "wait", "settle", "roll-back", "discard", "ignore"]),
  reason: z.string(),
  secretArn: z.string(),
  secretName: z.string(),
  token: z.string(),
  /** The mode of the rotation itself: a repair has that of the execution it repairs. */
  mode: z.enum(["native", "driven", "observed"]),
  base: z.string().nullable(),
  previous: z.string().nullable(),
  labels: labelTable,
  strategy: z.string().nullable(),
  owner: z.string().nullable(),
  runbook: z.string().nullable(),
  dependents: z.array(z.object({ name: z.string(), wasHealthy: z.boolean() })),
  /** The dependents that can prove the candidate before promotion. */
  probes: z.array(z.object({ name: z.string() })),
  baseline: z.array(baseline),
  intervalSeconds: z.number(),
  deadlineSeconds: z.number(),
  mayRollBack: z.boolean(),
  /** Decision "wait": until the window opens, in seconds. Plan is asked again then. */
  waitSeconds: z.number().default(0),
  /** How long the dependents have to stay on the new version, in seconds. */
  soakSeconds: z.number().default(0),
  /** Whether the rotation is taken back once it has converged, to rehearse that. */
  forcedRollBack: z.boolean().default(false),
  secretClass: z.string().nullable().default(null),
  rehearsal: rehearsalRun.nullable().default(null),
  override: override.nullable().default(null),
  /** What its owner should know besides, such as that AWS offers managed rotation for the secret. */
  advice: z.array(z.string()).default([]),
  /** Repair: how long to wait until no step of the dead execution can still be at work, in seconds. */
  settleSeconds: z.number(),
  refreshAttempted: z.boolean(),
  /** Observed: sessions that began before then do not prove that the version is used. Null: before the execution did. */
  since: z.string().nullable().default(null),
});
export type RotationPlan = z.infer<typeof rotationPlan>;

/** A plan that does nothing yet: what is known of every secret with a policy. */
export function emptyPlan(secret: Secret, policy: Policy, token: string, mode: RotationPlan["mode"]): RotationPlan {
  return {
    decision: "ignore",
    reason: "",
    secretArn: secret.arn,
    secretName: secret.name,
    token,
    mode,
    base: null,
    previous: null,
    labels: secret.labels,
    strategy: policy.strategy ?? null,
    owner: policy.owner ?? null,
    runbook: policy.runbook ?? null,
    dependents: [],
    probes: [],
    baseline: [],
    intervalSeconds: policy.verify.intervalSeconds,
    deadlineSeconds: policy.verify.deadlineSeconds,
    mayRollBack: false,
    waitSeconds: 0,
    soakSeconds: policy.soakSeconds,
    forcedRollBack: false,
    secretClass: null,
    rehearsal: null,
    override: null,
    advice: [],
    settleSeconds: 0,
    refreshAttempted: false,
    since: null,
  };
}
