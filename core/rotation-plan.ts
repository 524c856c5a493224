import * as z from "zod/mini";
import { functionSuffix } from "./deployed-functions.ts";
import { baseline, labelTable, override, rehearsalRun } from "./outcome.ts";
import type { Policy } from "./policies.ts";
import { routing } from "./routing.ts";
import type { Secret } from "./versions/secret.ts";

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
  base: z.nullable(z.string()),
  previous: z.nullable(z.string()),
  labels: labelTable,
  strategy: z.nullable(z.string()),
  /** What the names of the functions of the strategy's engine end with. */
  functionSuffix: z._default(z.string(), ""),
  owner: z.nullable(z.string()),
  runbook: z.nullable(z.string()),
  messages: z._default(z.nullable(routing), null),
  dependents: z.array(z.object({ name: z.string(), wasHealthy: z.boolean() })),
  /** The dependents that can prove the candidate before promotion. */
  probes: z.array(z.object({ name: z.string() })),
  baseline: z.array(baseline),
  intervalSeconds: z.number(),
  deadlineSeconds: z.number(),
  mayRollBack: z.boolean(),
  /** Decision "wait": until the window opens, in seconds. Plan is asked again then. */
  waitSeconds: z._default(z.number(), 0),
  /** How long the dependents have to stay on the new version, in seconds. */
  soakSeconds: z._default(z.number(), 0),
  /** Whether the rotation is taken back once it has converged, to rehearse that. */
  forcedRollBack: z._default(z.boolean(), false),
  secretClass: z._default(z.nullable(z.string()), null),
  rehearsal: z._default(z.nullable(rehearsalRun), null),
  override: z._default(z.nullable(override), null),
  /** What its owner should know besides, such as that AWS offers managed rotation for the secret. */
  advice: z._default(z.array(z.string()), []),
  /** Repair: how long to wait until no step of the dead execution can still be at work, in seconds. */
  settleSeconds: z.number(),
  refreshAttempted: z.boolean(),
  /** Observed: sessions that began before then do not prove that the version is used. Null: before the execution did. */
  since: z._default(z.nullable(z.string()), null),
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
    functionSuffix: functionSuffix(policy),
    owner: policy.owner ?? null,
    runbook: policy.runbook ?? null,
    messages: policy.messages ?? null,
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
