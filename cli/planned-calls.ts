/** One call of AWS's API, as people read it. */
export interface PlannedCall {
  /** IAM's name of the action. */
  readonly action: string;
  /** On what, and to what end. */
  readonly on: string;
}

/** A step of a rotation: who makes it, what that asks AWS for, and whether the target is changed in it. */
export interface PlannedStep {
  readonly step: string;
  readonly by: string;
  readonly calls: readonly PlannedCall[];
  readonly changes?: "setSecret" | "rollbackSecret";
}

const READ_CANDIDATE: PlannedCall = { action: "secretsmanager:GetSecretValue", on: "the candidate" };
const READ_BASE: PlannedCall = { action: "secretsmanager:GetSecretValue", on: "the version that is AWSCURRENT" };
const DESCRIBE: PlannedCall = { action: "secretsmanager:DescribeSecret", on: "the secret" };
const LABEL = "secretsmanager:UpdateSecretVersionStage";

const PLAN: PlannedStep = {
  step: "Plan",
  by: "plan",
  calls: [
    DESCRIBE,
    { action: "states:DescribeExecution", on: "the executions of the other labelled versions" },
    { action: "lambda:InvokeFunction", on: "dependents: how each is now" },
  ],
};

const AFTER_CREATE: readonly PlannedStep[] = [
  { step: "SetSecret", by: "rotate", calls: [READ_CANDIDATE, READ_BASE], changes: "setSecret" },
  { step: "TestSecret", by: "rotate", calls: [READ_CANDIDATE] },
];
const CONVERGE: readonly PlannedStep[] = [
  { step: "ConvergeDependents", by: "dependents", calls: [] },
  { step: "ConfirmEvidence", by: "rotate", calls: [READ_CANDIDATE] },
  {
    step: "Notify",
    by: "notify",
    calls: [
      { action: "sns:Publish", on: "the topics events, email and chat" },
      { action: "events:PutEvents", on: "the rotation bus: the outcome" },
    ],
  },
];
const PROMOTE: PlannedCall = { action: LABEL, on: "AWSCURRENT from the base to the candidate" };

/** What a rotation does when nothing fails, in order. */
export const PLANNED: Readonly<Record<"driven" | "native", readonly PlannedStep[]>> = {
  driven: [
    PLAN,
    {
      step: "CreateSecret",
      by: "rotate",
      calls: [
        DESCRIBE,
        READ_BASE,
        { action: "secretsmanager:PutSecretValue", on: "the candidate, as ROTATION_CANDIDATE" },
        { action: LABEL, on: "AWSPENDING to the candidate" },
      ],
    },
    ...AFTER_CREATE,
    {
      step: "FinishSecret",
      by: "rotate",
      calls: [DESCRIBE, PROMOTE, { action: LABEL, on: "AWSPENDING off the candidate" }],
    },
    ...CONVERGE,
  ],
  native: [
    {
      step: "createSecret, of Secrets Manager",
      by: "gate",
      calls: [
        DESCRIBE,
        { action: "states:DescribeExecution", on: "the executions of the labelled versions" },
        READ_BASE,
        { action: "secretsmanager:PutSecretValue", on: "the candidate, as AWSPENDING and ROTATION_CANDIDATE" },
      ],
    },
    {
      step: "setSecret, of Secrets Manager",
      by: "gate",
      calls: [{ action: "states:StartExecution", on: "the rotation's execution" }],
    },
    PLAN,
    { step: "CreateSecret", by: "rotate", calls: [DESCRIBE] },
    ...AFTER_CREATE,
    { step: "FinishSecret", by: "rotate", calls: [DESCRIBE, PROMOTE] },
    ...CONVERGE,
    {
      step: "testSecret and finishSecret, of Secrets Manager",
      by: "gate",
      calls: [{ action: "states:DescribeExecution", on: "the execution, until it has ended" }, DESCRIBE],
    },
  ],
};

/** What is done in place of the rest when something fails from SetSecret on. */
export const PLANNED_ROLLBACK: readonly PlannedStep[] = [
  {
    step: "RollBack",
    by: "roll-back",
    calls: [
      { action: "secretsmanager:GetSecretValue", on: "the candidate, the base and the version before it" },
      DESCRIBE,
      { action: LABEL, on: "AWSCURRENT from the candidate back to the base" },
      { action: LABEL, on: "AWSPENDING off the candidate" },
      { action: LABEL, on: "AWSPREVIOUS back to where it was" },
      { action: LABEL, on: "ROTATION_ROLLED_BACK to the candidate" },
      { action: LABEL, on: "ROTATION_CANDIDATE off the candidate" },
    ],
    changes: "rollbackSecret",
  },
  { step: "RestoreDependents", by: "dependents", calls: [] },
];
