import * as z from "zod/mini";

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
  /** "unknown": its strategy cannot ask the target. "unreadable": the value could not be read, so nothing could be tried. */
  signIn: z.enum(["accepted", "rejected", "unreachable", "unknown", "no value", "unreadable"]),
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
  rollbackExecution: z.nullable(z.string()),
});
export type RehearsalRun = z.infer<typeof rehearsalRun>;

/** Who lets a rotation go ahead without the rehearsal that its policy requires, and why. */
export const override = z.object({ by: z.string(), reason: z.string() });

/** Which rotation it is: of what, by whom to be answered for, and from which version to which. */
export const rotationFields = {
  secretArn: z.string(),
  /** Absent when the secret could not be described. */
  secretName: z.nullish(z.string()),
  /** VersionId of the candidate. */
  token: z.string(),
  mode: z.string(),
  strategy: z.nullish(z.string()),
  owner: z.nullish(z.string()),
  runbook: z.nullish(z.string()),
  /** The policy's: to whom it is told besides machines, and how urgent it is. */
  messages: z.nullish(z.unknown()),
  /** VersionId that was AWSCURRENT before. */
  base: z.nullish(z.string()),
  /** What DescribeSecret makes of it: one of `core/classify-secret.ts`. */
  secretClass: z.nullish(z.string()),
  rehearsal: z.nullish(rehearsalRun),
  override: z.nullish(override),
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
  labels: z.object({ before: z.nullish(labelTable), during: z.nullish(labelTable), now: z.nullish(labelTable) }),
  /** VersionId that was read as AWSCURRENT at the end, where the labels as a whole are not at hand. */
  live: z.nullish(z.string()),
  /** When a fresh sign-in with the version that is live now last worked, as an ISO 8601 time. */
  signedInAt: z.nullish(z.string()),
  /**
   * From when AWSCURRENT may not have signed in, since the target knew the candidate only, until it named one that does, as
   * ISO 8601 times. Absent where both work side by side.
   */
  gap: z.nullish(z.object({ from: z.string(), to: z.nullish(z.string()) })),
  /** How long AWSCURRENT named the new version, when it was taken back, as ISO 8601 times. */
  promotedAt: z.nullish(z.string()),
  restoredAt: z.nullish(z.string()),
  dependents: z.object({
    baseline: z.nullish(z.array(baseline)),
    after: z.nullish(z.array(evidence)),
    restored: z.nullish(z.array(evidence)),
  }),
  failure: z.nullish(failure),
  /** Where no failure has led to the outcome: why it was planned. Of a repair, what it repaired. */
  reason: z.nullish(z.string()),
  rollbackFailure: z.nullish(failure),
  truthTable: z.nullish(z.array(truthRow)),
  /** False when ROTATION_FROZEN could not be put on the candidate. */
  frozen: z.nullish(z.boolean()),
  /** Things a reader must know besides, such as a label that could not be restored because its version is gone. */
  remarks: z.nullish(z.array(z.string())),
});
export type OutcomeFacts = z.infer<typeof outcomeFacts>;
