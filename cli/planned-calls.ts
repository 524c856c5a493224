import type { Arn } from "../core/dependents/dependent.ts";
import type { Policy } from "../core/policies.ts";
import { dependentStep } from "./planned-dependents.ts";

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
  /** What each dependent is asked: "api (http-endpoint): refresh, verify". */
  readonly asks?: readonly string[];
}

export interface PlannedCalls {
  /** What a rotation does when nothing fails, in order. */
  readonly steps: readonly PlannedStep[];
  /** What is done in place of the rest when something fails from SetSecret on. */
  readonly rollback: readonly PlannedStep[];
}

type PlannedPolicy = Pick<Policy, "dependents" | "strategy" | "soakSeconds" | "administratorSecretId">;

/**
 * Every call of AWS that a rotation of a secret with this policy makes, from the request on. A call that is made several times is
 * named once in each step, and so is one that is made only where the read before it says so.
 *
 * @param arn an ARN where the policy is deployed to
 * @throws RotationError ConfigurationInvalid: a dependent of a kind that this release does not know
 */
export function plannedCalls(mode: "driven" | "native", policy: PlannedPolicy, arn: Arn): PlannedCalls {
  const speaks = [...administratorOf(policy), ...rotationFunctionOf(policy)];
  const plan = [planOf(policy), ...dependentStep("Plan", ["check", "verify"], policy, arn)];
  const set: readonly PlannedStep[] = [
    { step: "SetSecret", by: "rotate", calls: [READ_CANDIDATE, READ_BASE, ...speaks], changes: "setSecret" },
    { step: "TestSecret", by: "rotate", calls: [READ_CANDIDATE, ...rotationFunctionOf(policy)] },
    ...dependentStep("ProbeCandidate", ["probe"], policy, arn),
  ];
  const converge: readonly PlannedStep[] = [
    ...dependentStep("ConvergeDependents", ["refresh", "verify"], policy, arn),
    { step: "ConfirmEvidence", by: "rotate", calls: [READ_CANDIDATE] },
    ...(policy.soakSeconds === 0
      ? []
      : [
          ...dependentStep("VerifyAfterSoak", ["verify"], policy, arn),
          { step: "ConfirmAfterSoak", by: "rotate", calls: [READ_CANDIDATE] },
        ]),
    NOTIFY,
  ];
  return {
    steps: mode === "driven" ? driven(plan, set, converge) : native(plan, set, converge),
    rollback: [
      { ...ROLL_BACK, calls: [...ROLL_BACK.calls, ...speaks] },
      ...dependentStep("RestoreDependents", ["refresh", "verify"], policy, arn),
      NOTIFY,
      SEEN_BACK,
    ],
  };
}

// --- internal ---

const READ_CANDIDATE: PlannedCall = { action: "secretsmanager:GetSecretValue", on: "the candidate" };
const READ_BASE: PlannedCall = { action: "secretsmanager:GetSecretValue", on: "the version that is AWSCURRENT" };
const DESCRIBE: PlannedCall = { action: "secretsmanager:DescribeSecret", on: "the secret" };
const LABEL = "secretsmanager:UpdateSecretVersionStage";
const PROMOTE: PlannedCall = { action: LABEL, on: "AWSCURRENT from the base to the candidate" };

const NOTIFY: PlannedStep = {
  step: "Notify",
  by: "notify",
  calls: [
    { action: "sns:Publish", on: "the topics events, email and chat" },
    { action: "events:PutEvents", on: "the rotation bus: the outcome" },
  ],
};
const ROLL_BACK: PlannedStep = {
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
};

/** The trail tells dispatch of every move of AWSCURRENT: whose it was is looked up. */
const SEEN: PlannedStep = {
  step: "what the trail tells of it",
  by: "dispatch",
  calls: [DESCRIBE, { action: "states:StartExecution", on: "the rotation's execution, which is there" }],
};
const SEEN_BACK: PlannedStep = {
  step: "what the trail tells of it",
  by: "dispatch",
  calls: [DESCRIBE, { action: "states:DescribeExecution", on: "the executions of the version that was taken back" }],
};

function planOf({ dependents }: PlannedPolicy): PlannedStep {
  const ask = { action: "lambda:InvokeFunction", on: "dependents: how each is now" };
  return {
    step: "Plan",
    by: "plan",
    calls: [
      DESCRIBE,
      { action: "states:DescribeExecution", on: "the executions of the other labelled versions" },
      ...(dependents.length === 0 ? [] : [ask]),
    ],
  };
}

/** Strategies that work as an administrator read that secret in each session of its. */
function administratorOf({ administratorSecretId: id }: PlannedPolicy): readonly PlannedCall[] {
  return id === undefined ? [] : [{ action: "secretsmanager:GetSecretValue", on: `the administrator's secret, ${id}` }];
}

/** A strategy that leaves it to an existing rotation function. */
function rotationFunctionOf({ strategy }: PlannedPolicy): readonly PlannedCall[] {
  return strategy === "lambda" ? [{ action: "lambda:InvokeFunction", on: "the rotation function of the policy" }] : [];
}

type Steps = readonly PlannedStep[];

function driven(plan: Steps, set: Steps, converge: Steps): Steps {
  return [
    {
      step: "the request, from the rotation bus",
      by: "dispatch",
      calls: [DESCRIBE, { action: "states:StartExecution", on: "the rotation's execution" }],
    },
    ...plan,
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
    ...set,
    {
      step: "FinishSecret",
      by: "rotate",
      calls: [DESCRIBE, PROMOTE, { action: LABEL, on: "AWSPENDING off the candidate" }],
    },
    ...converge,
  ];
}

function native(plan: Steps, set: Steps, converge: Steps): Steps {
  return [
    {
      step: "the request, from the rotation bus",
      by: "dispatch",
      calls: [DESCRIBE, { action: "secretsmanager:RotateSecret", on: "the secret" }],
    },
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
    ...plan,
    { step: "CreateSecret", by: "rotate", calls: [DESCRIBE] },
    ...set,
    { step: "FinishSecret", by: "rotate", calls: [DESCRIBE, PROMOTE] },
    ...converge,
    {
      step: "testSecret and finishSecret, of Secrets Manager",
      by: "gate",
      calls: [{ action: "states:DescribeExecution", on: "the execution, until it has ended" }, DESCRIBE],
    },
    SEEN,
  ];
}
