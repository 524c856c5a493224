import * as z from "zod/mini";
import {
  baseline,
  evidence,
  executionFields,
  type Failure,
  labelTable,
  OUTCOMES,
  type OutcomeFacts,
  rotationFields,
  truthRow,
} from "./outcome.ts";

const errorOutput = z.looseObject({ Error: z.nullish(z.string()), Cause: z.nullish(z.string()) });
const caught = z.looseObject({ step: z.string(), error: errorOutput });

/** What a Notify state hands over: the variables of the workflow as they are at that moment. Many are null then. */
export const workflowReport = z.object({
  outcome: z.enum(OUTCOMES),
  execution: executionFields,
  plan: z.looseObject({
    ...rotationFields,
    labels: labelTable,
    baseline: z.nullish(z.array(baseline)),
    advice: z.nullish(z.array(z.string())),
    reason: z.nullish(z.string()),
  }),
  failure: z.nullish(caught),
  changedAt: z.nullish(z.string()),
  finish: z.nullish(z.looseObject({ labels: labelTable, promotedAt: z.string(), liveAt: z.nullish(z.string()) })),
  evidence: z.nullish(z.array(evidence)),
  rollback: z.nullish(z.looseObject({ labels: labelTable, remarks: z.array(z.string()), signedInAt: z.string() })),
  rollbackFailure: z.nullish(caught),
  /** The NotConverged that RollBack ended with: the new version stays. */
  kept: z.nullish(errorOutput),
  restored: z.nullish(z.array(evidence)),
  freeze: z.nullish(
    z.looseObject({ truthTable: z.array(truthRow), labels: z.nullable(labelTable), frozen: z.boolean() }),
  ),
  discard: z.nullish(z.looseObject({ labels: z.nullish(labelTable) })),
  signedInAt: z.nullish(z.string()),
});
export type WorkflowReport = z.infer<typeof workflowReport>;

/** Orders what the workflow knows into what a message says. Pure. */
export function readFacts(report: WorkflowReport): OutcomeFacts {
  const { plan, finish, rollback, freeze, discard, outcome, kept } = report;
  // Somebody else has moved AWSCURRENT after promotion: what the labels are now was not read.
  const overtaken = report.failure?.error.Error === "RotationInProgress";
  const promoted = outcome === "SUCCEEDED" || (outcome === "NOT_CONVERGED" && !overtaken) || rollback != null;
  return {
    outcome,
    execution: report.execution,
    secretArn: plan.secretArn,
    secretName: plan.secretName,
    token: plan.token,
    mode: plan.mode,
    strategy: plan.strategy,
    owner: plan.owner,
    runbook: plan.runbook,
    messages: plan.messages,
    base: plan.base,
    secretClass: plan.secretClass,
    rehearsal: plan.rehearsal,
    override: plan.override,
    labels: {
      before: Object.keys(plan.labels).length > 0 ? plan.labels : null,
      during: finish?.labels,
      now: freeze?.labels ?? rollback?.labels ?? discard?.labels ?? (promoted ? finish?.labels : null),
    },
    live: kept != null && ["native", "driven"].includes(plan.mode) ? plan.token : null,
    signedInAt: report.signedInAt,
    promotedAt: finish?.promotedAt,
    gap: report.changedAt == null ? null : { from: report.changedAt, to: finish?.liveAt ?? rollback?.signedInAt },
    restoredAt: finish && rollback ? rollback.signedInAt : null,
    dependents: { baseline: plan.baseline, after: report.evidence, restored: report.restored },
    failure: readFailure(report.failure),
    reason: report.failure == null && outcome !== "SUCCEEDED" ? plan.reason || null : null,
    rollbackFailure: readFailure(report.rollbackFailure),
    truthTable: freeze?.truthTable,
    // Not known where nothing was rolled back and nothing frozen: a repair that was refused.
    frozen: report.rollbackFailure == null ? null : (freeze?.frozen ?? false),
    remarks: [...(kept == null ? [] : [messageOf(kept)]), ...(rollback?.remarks ?? []), ...(plan.advice ?? [])],
  };
}

function readFailure(failure: WorkflowReport["failure"]): Failure | null {
  if (failure == null) return null;
  const { step, error } = failure;
  return { step, name: error.Error ?? "unknown", message: messageOf(error) };
}

/** A failed Lambda task's Cause is the JSON text of {errorType, errorMessage, trace}; anything else is plain text. */
function messageOf({ Cause }: z.infer<typeof errorOutput>): string {
  const cause = Cause ?? "";
  try {
    const parsed: unknown = JSON.parse(cause);
    const message = (parsed as { errorMessage?: unknown } | null)?.errorMessage;
    if (typeof message === "string") return message;
  } catch {
    // Not JSON: the text itself is the message.
  }
  return cause;
}
