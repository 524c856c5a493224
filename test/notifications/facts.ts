import type { OutcomeFacts } from "../../core/outcome.ts";

const BASE = "9f21c3d4-0000-4000-8000-0000000000a1";
const TOKEN = "c07e5b6a-0000-4000-8000-0000000000b2";
const OLDER = "11aa22bb-0000-4000-8000-0000000000c3";
const NAME = `rot-0123456789abcdef-${TOKEN}`;

const common = {
  execution: {
    arn: `arn:aws:states:eu-west-1:123456789012:execution:rotation:${NAME}`,
    name: NAME,
    startedAt: "2026-11-23T02:00:00.000Z",
  },
  secretArn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db/app-AbCdEf",
  secretName: "orders/db/app",
  token: TOKEN,
  mode: "native",
  strategy: "postgres-single-user",
  owner: "orders",
  runbook: "https://runbooks.example.com/rotation",
  base: BASE,
} satisfies Partial<OutcomeFacts>;

const before = { [BASE]: ["AWSCURRENT"], [OLDER]: ["AWSPREVIOUS"], [TOKEN]: ["AWSPENDING"] };
const promoted = { [TOKEN]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE"], [BASE]: ["AWSPREVIOUS"] };
const restored = { [BASE]: ["AWSCURRENT"], [OLDER]: ["AWSPREVIOUS"], [TOKEN]: ["ROTATION_ROLLED_BACK"] };

const baseline = ["orders-api", "billing-worker"].map((dependent) => ({
  dependent,
  health: "healthy" as const,
  seen: `${dependent}.internal says that its newest authentication used version ${BASE}`,
}));
const seenAt = (dependent: string, versionId: string, strength: "strong" | "claimed" | "weak" | "none") => ({
  dependent,
  strength,
  seen: `${dependent}.internal says that its newest authentication used version ${versionId}`,
});

const REHEARSAL = { digest: "d19e57d19e57d19e57d19e57d19e57d1", strategy: "postgres-single-user" };

/** What the workflow hands over at the end of each outcome, and where little of it is known. */
export const CASES: Readonly<Record<string, OutcomeFacts>> = {
  succeeded: {
    ...common,
    outcome: "SUCCEEDED",
    labels: { before, during: promoted, now: promoted },
    signedInAt: "2026-11-23T02:00:09.120Z",
    gap: { from: "2026-11-23T02:00:09.000Z", to: "2026-11-23T02:00:10.050Z" },
    promotedAt: "2026-11-23T02:00:10.000Z",
    dependents: {
      baseline,
      after: [seenAt("orders-api", TOKEN, "strong"), seenAt("billing-worker", TOKEN, "strong")],
      restored: [],
    },
  },
  "succeeded-observed": {
    ...common,
    outcome: "SUCCEEDED",
    mode: "observed",
    strategy: null,
    owner: null,
    runbook: null,
    labels: { before: promoted, during: null, now: null },
    signedInAt: null,
    dependents: {
      baseline: [],
      after: [seenAt("orders-api", TOKEN, "weak"), seenAt("reports-cron", TOKEN, "none")],
      restored: [],
    },
  },
  "succeeded-rehearsed": {
    ...common,
    outcome: "SUCCEEDED",
    mode: "driven",
    secretClass: "never configured",
    labels: { before, during: promoted, now: promoted },
    signedInAt: "2026-11-23T02:00:09.120Z",
    promotedAt: "2026-11-23T02:00:10.000Z",
    dependents: { baseline, after: [seenAt("orders-api", TOKEN, "strong")], restored: [] },
    rehearsal: { ...REHEARSAL, part: "rotation", rollbackExecution: "rot-0123456789abcdef-the-first-part" },
  },
  "succeeded-overridden": {
    ...common,
    outcome: "SUCCEEDED",
    secretClass: "native ours",
    labels: { before, during: promoted, now: promoted },
    signedInAt: "2026-11-23T02:00:09.120Z",
    promotedAt: "2026-11-23T02:00:10.000Z",
    dependents: { baseline, after: [seenAt("orders-api", TOKEN, "strong")], restored: [] },
    override: { by: "alice@example.com", reason: "the staging database is being moved until December" },
  },
  rejected: {
    ...common,
    outcome: "REJECTED",
    labels: { before, during: null, now: { [BASE]: ["AWSCURRENT"], [OLDER]: ["AWSPREVIOUS"] } },
    dependents: { baseline, after: [], restored: [] },
    failure: {
      step: "CreateSecret",
      name: "RotationInProgress",
      message:
        "Version 11aa22bb-0000-4000-8000-0000000000c3 of orders/db/app holds AWSPENDING: another rotation is not complete.",
    },
  },
  "rejected-unknown-secret": {
    outcome: "REJECTED",
    execution: common.execution,
    secretArn: "unknown",
    secretName: null,
    token: "unknown",
    mode: "unknown",
    base: null,
    labels: { before: null, during: null, now: null },
    dependents: { baseline: [], after: [], restored: [] },
    failure: {
      step: "Plan",
      name: "EventInvalid",
      message: "Function plan was called wrong. Field rotation.token: Invalid input. Nothing was touched.",
    },
  },
  "rejected-cancelled": {
    ...common,
    outcome: "REJECTED",
    labels: { before, during: null, now: null },
    dependents: { baseline, after: [], restored: [] },
    failure: { step: "CreateSecret", name: "RotationCancelled", message: "AWSPENDING was taken off the candidate." },
  },
  "rejected-by-repair": {
    ...common,
    execution: { ...common.execution, name: `${NAME}-r1`, arn: `${common.execution.arn}-r1` },
    outcome: "REJECTED",
    labels: { before, during: null, now: { [BASE]: ["AWSCURRENT"], [OLDER]: ["AWSPREVIOUS"] } },
    dependents: { baseline: [], after: [], restored: [] },
    failure: null,
    reason: "no execution has ever rotated the version",
  },
  "rolled-back-by-repair": {
    ...common,
    execution: { ...common.execution, name: `${NAME}-r1`, arn: `${common.execution.arn}-r1` },
    outcome: "ROLLED_BACK",
    labels: { before, during: null, now: restored },
    signedInAt: "2026-11-23T02:00:20.100Z",
    dependents: { baseline, after: [], restored: [seenAt("orders-api", BASE, "claimed")] },
    failure: null,
    reason: `repairs ${NAME}`,
    remarks: [],
  },
  "rolled-back": {
    ...common,
    outcome: "ROLLED_BACK",
    labels: { before, during: promoted, now: restored },
    signedInAt: "2026-11-23T02:00:20.100Z",
    promotedAt: "2026-11-23T02:00:10.000Z",
    restoredAt: "2026-11-23T02:00:20.100Z",
    dependents: {
      baseline,
      after: [],
      restored: [seenAt("orders-api", BASE, "claimed"), seenAt("billing-worker", BASE, "claimed")],
    },
    failure: {
      step: "ConvergeDependents",
      name: "DependentUnhealthy",
      message: "billing-worker.internal refused the refresh with status 422.",
    },
    remarks: [],
  },
  "rolled-back-before-promotion": {
    ...common,
    outcome: "ROLLED_BACK",
    mode: "driven",
    labels: { before, during: null, now: { [BASE]: ["AWSCURRENT"], [TOKEN]: ["ROTATION_ROLLED_BACK"] } },
    signedInAt: "2026-11-23T02:00:20.100Z",
    dependents: { baseline: [], after: [], restored: [] },
    failure: { step: "SetSecret", name: "TargetUnavailable", message: "db.internal:5432 did not accept a connection." },
    remarks: [`Version ${OLDER}, which held AWSPREVIOUS before, is gone; AWSPREVIOUS is on no version now.`],
  },
  "rolled-back-rehearsal": {
    ...common,
    outcome: "ROLLED_BACK",
    mode: "driven",
    secretClass: "never configured",
    labels: { before, during: promoted, now: restored },
    signedInAt: "2026-11-23T02:00:20.100Z",
    promotedAt: "2026-11-23T02:00:10.000Z",
    restoredAt: "2026-11-23T02:00:20.100Z",
    dependents: { baseline, after: [], restored: [seenAt("orders-api", BASE, "claimed")] },
    failure: {
      step: "ForceRollBack",
      name: "RehearsalRollback",
      message: "This rotation is rehearsed: it has converged, and is taken back to prove that it can be.",
    },
    remarks: [],
    rehearsal: { ...REHEARSAL, part: "roll-back", rollbackExecution: null },
  },
  "not-converged": {
    ...common,
    outcome: "NOT_CONVERGED",
    labels: { before, during: promoted, now: promoted },
    signedInAt: "2026-11-23T02:00:09.120Z",
    promotedAt: "2026-11-23T02:00:10.000Z",
    dependents: {
      baseline,
      after: [seenAt("orders-api", TOKEN, "strong"), seenAt("billing-worker", BASE, "none")],
      restored: [],
    },
    failure: {
      step: "ConfirmEvidence",
      name: "DependentUnhealthy",
      message: "The target has not seen billing-worker authenticating with the new version since promotion.",
    },
  },
  "not-converged-kept": {
    ...common,
    outcome: "NOT_CONVERGED",
    mode: "driven",
    labels: { before, during: null, now: null },
    live: TOKEN,
    signedInAt: "2026-11-23T02:00:09.120Z",
    dependents: { baseline, after: [], restored: [] },
    failure: {
      step: "FinishSecret",
      name: "ServiceUnavailable",
      message:
        "secretsmanager:UpdateSecretVersionStage of orders/db/app: no usable reply; it may or may not have taken effect.",
    },
    remarks: [`Version ${TOKEN} of orders/db/app is AWSCURRENT, and its policy keeps it. Nothing was undone.`],
  },
  "not-converged-managed": {
    ...common,
    outcome: "NOT_CONVERGED",
    mode: "observed",
    strategy: null,
    secretArn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0f1e2d3c-AbCdEf",
    secretName: "rds!db-0f1e2d3c",
    secretClass: "managed",
    labels: { before: { [TOKEN]: ["AWSCURRENT"], [BASE]: ["AWSPREVIOUS"] }, during: null, now: null },
    signedInAt: null,
    dependents: { baseline: [], after: [seenAt("billing-worker", BASE, "none")], restored: [] },
    failure: {
      step: "ConvergeDependents",
      name: "DependentUnhealthy",
      message: "billing-worker was not seen on the new version in 300 s.",
    },
  },
  "rollback-failed": {
    ...common,
    outcome: "ROLLBACK_FAILED",
    labels: {
      before,
      during: promoted,
      now: { ...promoted, [TOKEN]: ["AWSPENDING", "ROTATION_CANDIDATE", "ROTATION_FROZEN"], [BASE]: ["AWSCURRENT"] },
    },
    signedInAt: "2026-11-23T02:00:09.120Z",
    promotedAt: "2026-11-23T02:00:10.000Z",
    dependents: { baseline, after: [], restored: [] },
    failure: {
      step: "ConvergeDependents",
      name: "DependentUnhealthy",
      message: "billing-worker.internal refused the refresh with status 422.",
    },
    rollbackFailure: {
      step: "RollBack",
      name: "AccessDenied",
      message: "The role may not change passwords at db.internal:5432 (42501).",
    },
    truthTable: [
      { versionId: BASE, labels: ["AWSCURRENT"], signIn: "rejected" },
      { versionId: TOKEN, labels: ["AWSPENDING", "ROTATION_CANDIDATE", "ROTATION_FROZEN"], signIn: "accepted" },
      { versionId: OLDER, labels: ["AWSPREVIOUS"], signIn: "rejected" },
    ],
    frozen: true,
  },
  "rollback-failed-nothing-known": {
    ...common,
    outcome: "ROLLBACK_FAILED",
    mode: "repair",
    secretName: null,
    strategy: null,
    owner: null,
    runbook: null,
    base: null,
    labels: { before: null, during: null, now: null },
    dependents: { baseline: [], after: [], restored: [] },
    failure: { step: "Plan", name: "AccessDenied", message: "secretsmanager:DescribeSecret was denied." },
    frozen: null,
  },
};
