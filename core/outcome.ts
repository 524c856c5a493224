import * as z from "zod";

export const OUTCOMES = ["SUCCEEDED", "REJECTED", "ROLLED_BACK", "NOT_CONVERGED", "ROLLBACK_FAILED"] as const;

/** Staging labels by version id: what DescribeSecret's VersionIdsToStages says at one instant. */
export const labelTable = z.record(z.string(), z.array(z.string()));
export type LabelTable = z.infer<typeof labelTable>;

/** What an error was called and what it says. */
export const failure = z.object({ step: z.string(), name: z.string(), message: z.string() });
export type Failure = z.infer<typeof failure>;

export const evidence = z.object({
  dependent: z.string(),
  /** "none": it was looked at and not seen on the version (possible only where the policy does not require it). */
  strength: z.enum(["strong", "claimed", "weak", "none"]),
  seen: z.string(),
});
export type DependentEvidence = z.infer<typeof evidence>;

export const truthRow = z.object({
  versionId: z.string(),
  labels: z.array(z.string()),
  /** "unreadable": the value could not be read, so nothing could be tried. */
  signIn: z.enum(["accepted", "rejected", "unreachable", "no value", "unreadable"]),
});
export type TruthRow = z.infer<typeof truthRow>;

export const baseline = z.object({
  dependent: z.string(),
  health: z.enum(["healthy", "unhealthy"]),
  seen: z.string(),
});
export type DependentBaseline = z.infer<typeof baseline>;

/** What a rotation proves by being rehearsed: see `core/rehearsal.ts`. */
export const rehearsalRun = z.object({
  /** "roll-back": it is taken back after it has converged. "rotation": it follows that, and stays. */
  part: z.enum(["roll-back", "rotation"]),
  digest: z.string(),
  strategy: z.string(),
  /** Part "rotation": the name of the execution that proved the rollback. null: there is none. */
  rollbackExecution: z.string().nullable(),
});
export type RehearsalRun = z.infer<typeof rehearsalRun>;

/** Who lets a rotation go ahead without the rehearsal that its policy requires, and why. */
export const override = z.object({ by: z.string(), reason: z.string() });

/** Which rotation it is: of what, by whom to be answered for, and from which version to which. */
export const rotationFields = {
  secretArn: z.string(),
  /** Absent when the secret could not be described. */
  secretName: z.string().nullish(),
  /** VersionId of the candidate. */
  token: z.string(),
  mode: z.string(),
  strategy: z.string().nullish(),
  owner: z.string().nullish(),
  runbook: z.string().nullish(),
  /** VersionId that was AWSCURRENT before. */
  base: z.string().nullish(),
  /** What DescribeSecret makes of it: one of `core/classify-secret.ts`. */
  secretClass: z.string().nullish(),
  rehearsal: rehearsalRun.nullish(),
  override: override.nullish(),
};

/** The execution of a rotation. */
export const executionFields = z.object({ arn: z.string(), name: z.string(), startedAt: z.string() });

/**
 * Everything that is known when a rotation has ended: ids, names and times, never a value. The workflow's Notify states
 * build it from what their states left in variables; messages are made from it, and from nothing else.
 */
export const outcomeFacts = z.object({
  outcome: z.enum(OUTCOMES),
  execution: executionFields,
  ...rotationFields,
  labels: z.object({ before: labelTable.nullish(), during: labelTable.nullish(), now: labelTable.nullish() }),
  /** VersionId that was read as AWSCURRENT at the end, where the labels as a whole are not at hand. */
  live: z.string().nullish(),
  /** When a fresh sign-in with the version that is live now last worked, as an ISO 8601 time. */
  signedInAt: z.string().nullish(),
  /**
   * From when AWSCURRENT may not have signed in, since the target knew the candidate only, until it named one that does, as
   * ISO 8601 times. Absent where both work side by side.
   */
  gap: z.object({ from: z.string(), to: z.string().nullish() }).nullish(),
  /** How long AWSCURRENT named the new version, when it was taken back, as ISO 8601 times. */
  promotedAt: z.string().nullish(),
  restoredAt: z.string().nullish(),
  dependents: z.object({
    baseline: z.array(baseline).nullish(),
    after: z.array(evidence).nullish(),
    restored: z.array(evidence).nullish(),
  }),
  failure: failure.nullish(),
  /** Where no failure has led to the outcome: why it was planned. Of a repair, what it repaired. */
  reason: z.string().nullish(),
  rollbackFailure: failure.nullish(),
  truthTable: z.array(truthRow).nullish(),
  /** False when ROTATION_FROZEN could not be put on the candidate. */
  frozen: z.boolean().nullish(),
  /** Things a reader must know besides, such as a label that could not be restored because its version is gone. */
  remarks: z.array(z.string()).nullish(),
});
export type OutcomeFacts = z.infer<typeof outcomeFacts>;
