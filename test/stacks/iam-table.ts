import type { FunctionName } from "../../core/blueprint.ts";

/**
 * What every role may do: the contract. `iam.test.ts` holds the evaluated stacks to it, action by action, and `docs/iam.md` is
 * written from it. Whoever widens a role changes this table.
 */
export interface Row {
  readonly actions: readonly string[];
  readonly on: Scope;
  readonly why: string;
  /** Only where the deployment or a policy asks for it. */
  readonly only?:
    | "a network is declared"
    | "a policy names a key"
    | "a policy names an administrator"
    | "the deployment has a key"
    | "it rehearses for an account";
}

export type Scope =
  | "secrets of policies"
  | "secrets that Rotor rotates"
  | "the administrators' secrets"
  | "every secret of the account"
  | "the heartbeat's secret"
  | "the state machine"
  | "its executions"
  | "the rotation bus"
  | "the buses of accounts it rehearses for"
  | "the topics"
  | "the gate"
  | "roll-back and reconcile"
  | "plan, rotate, dependents, roll-back and notify"
  | "the dead letters"
  | "its own log group"
  | "the secrets' keys"
  | "the deployment's key"
  | "*";

export type RoleName = FunctionName | "workflow" | "rehearses-for-1";

const LOG: Row = {
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  on: "its own log group",
  why: "the log, from which CloudWatch takes the metrics, too",
};
const FAILURES: Row = {
  actions: ["sqs:SendMessage"],
  on: "the dead letters",
  why: "what it fails on three times",
};
const NETWORK: Row = {
  actions: [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ],
  on: "*",
  why: "Lambda makes the network interfaces by the function's role, before there is an ARN to name. A Deny keeps the function's own code from it",
  only: "a network is declared",
};
const KEYS_TO_READ: Row = {
  actions: ["kms:Decrypt"],
  on: "the secrets' keys",
  why: "to read values, through Secrets Manager only",
  only: "a policy names a key",
};
const KEYS_TO_WRITE: Row = {
  actions: ["kms:Decrypt", "kms:GenerateDataKey"],
  on: "the secrets' keys",
  why: "to read and write values, through Secrets Manager only",
  only: "a policy names a key",
};
const ADMINISTRATORS: Row = {
  actions: ["secretsmanager:GetSecretValue"],
  on: "the administrators' secrets",
  why: "alternating users are changed by an administrator",
  only: "a policy names an administrator",
};

function deploymentKey(why: string): Row {
  return {
    actions: ["kms:Decrypt", "kms:GenerateDataKey"],
    on: "the deployment's key",
    why,
    only: "the deployment has a key",
  };
}

export const ROLES: Readonly<Record<RoleName, readonly Row[]>> = {
  dispatch: [
    {
      actions: ["secretsmanager:DescribeSecret", "secretsmanager:TagResource"],
      on: "secrets of policies",
      why: "every start reads labels anew; a rehearsal is kept as a tag",
    },
    {
      actions: ["secretsmanager:RotateSecret", "secretsmanager:UntagResource"],
      on: "secrets of policies",
      why: "a request for a secret that Secrets Manager rotates; a rehearsal that is too old",
    },
    {
      actions: ["secretsmanager:DescribeSecret", "secretsmanager:TagResource"],
      on: "the heartbeat's secret",
      why: "the heartbeat came back",
    },
    { actions: ["states:StartExecution"], on: "the state machine", why: "a rotation or a repair" },
    {
      actions: ["states:DescribeExecution"],
      on: "its executions",
      why: "whether one is there already, and how it ended",
    },
    { actions: ["events:PutEvents"], on: "the rotation bus", why: "incidents" },
    {
      actions: ["lambda:InvokeFunction"],
      on: "the gate",
      why: "dispatch does not call it: Secrets Manager's reference asks it of whoever calls RotateSecret",
    },
    deploymentKey("executions are encrypted with it, and dead letters"),
    FAILURES,
    LOG,
  ],
  gate: [
    {
      actions: [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
      ],
      on: "secrets that Rotor rotates",
      why: "the rotation contract: it writes the candidate, and takes AWSPENDING off what was rejected",
    },
    { actions: ["states:StartExecution"], on: "the state machine", why: "setSecret" },
    { actions: ["states:DescribeExecution"], on: "its executions", why: "testSecret and finishSecret wait for it" },
    KEYS_TO_WRITE,
    deploymentKey("executions are encrypted with it"),
    LOG,
    NETWORK,
  ],
  plan: [
    {
      actions: ["secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds"],
      on: "secrets of policies",
      why: "the state before: labels and ages, no value",
    },
    {
      actions: ["states:DescribeExecution", "states:GetExecutionHistory"],
      on: "its executions",
      why: "a repair takes the state before from the dead execution",
    },
    deploymentKey("executions are encrypted with it"),
    LOG,
  ],
  rotate: [
    {
      actions: [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
      ],
      on: "secrets of policies",
      why: "the steps, each of which signs in, and ConfirmEvidence, which asks the target of an observed secret, too",
    },
    {
      actions: ["secretsmanager:PutSecretValue"],
      on: "secrets that Rotor rotates",
      why: "createSecret of a driven rotation",
    },
    {
      actions: ["states:DescribeExecution"],
      on: "its executions",
      why: "whether another one is at work on the secret",
    },
    ADMINISTRATORS,
    KEYS_TO_WRITE,
    deploymentKey("executions are encrypted with it"),
    LOG,
    NETWORK,
  ],
  dependents: [LOG, NETWORK],
  "roll-back": [
    {
      actions: [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
      ],
      on: "secrets of policies",
      why: "compensation looks at labels and signs in; it writes labels, never a value",
    },
    {
      actions: ["states:DescribeExecution"],
      on: "its executions",
      why: "whether another one is at work on the secret",
    },
    ADMINISTRATORS,
    KEYS_TO_READ,
    deploymentKey("executions are encrypted with it"),
    LOG,
    NETWORK,
  ],
  notify: [
    { actions: ["sns:Publish"], on: "the topics", why: "outcomes and incidents, to machines and to people" },
    { actions: ["events:PutEvents"], on: "the rotation bus", why: "outcomes" },
    deploymentKey("topics are encrypted with it, and dead letters"),
    FAILURES,
    LOG,
  ],
  reconcile: [
    {
      actions: ["secretsmanager:ListSecrets"],
      on: "*",
      why: "AWS knows no resource for it. It gives names, labels and dates, no value",
    },
    {
      actions: ["secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds"],
      on: "every secret of the account",
      why: "what others have left half-way is found in secrets that no policy names, too. It reads labels and dates, no value",
    },
    {
      actions: ["secretsmanager:TagResource"],
      on: "the heartbeat's secret",
      why: "the heartbeat, and how far it has looked",
    },
    { actions: ["states:ListExecutions"], on: "the state machine", why: "executions that died" },
    { actions: ["states:DescribeExecution"], on: "its executions", why: "how they ended" },
    { actions: ["events:PutEvents"], on: "the rotation bus", why: "requests and incidents" },
    {
      actions: ["lambda:InvokeFunction"],
      on: "roll-back and reconcile",
      why: "whether AWSCURRENT signs in; itself, to go on where its time is over",
    },
    deploymentKey("executions are encrypted with it, and dead letters"),
    FAILURES,
    LOG,
  ],
  workflow: [
    {
      actions: ["lambda:InvokeFunction"],
      on: "plan, rotate, dependents, roll-back and notify",
      why: "the tasks of the definition, and no other function",
    },
    {
      actions: [
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
      ],
      on: "*",
      why: "log delivery belongs to the account: AWS knows no resource for it",
    },
    {
      actions: [
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
      ],
      on: "*",
      why: "traces: AWS knows no resource for them",
    },
    deploymentKey("execution history is encrypted with it"),
  ],
  "rehearses-for-1": [
    {
      actions: ["events:PutEvents"],
      on: "the buses of accounts it rehearses for",
      why: "what was rehearsed here",
      only: "it rehearses for an account",
    },
  ],
};
