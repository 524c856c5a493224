import type { FunctionName } from "../../core/blueprint.ts";

/**
 * What every role may do: the contract. `iam.test.ts` holds the evaluated stacks to it, action by action, and `docs/iam.md` is
 * written from it. Whoever widens a role changes this table.
 */
export interface Row {
  readonly actions: readonly string[];
  readonly on: Scope;
  readonly why: string;
  /** Of a key: only through these services. */
  readonly through?: readonly Service[];
  /** What a request has to have besides: in words, and as IAM has it. */
  readonly provided?: { readonly that: string; readonly conditions: readonly object[] };
  /** Only of this engine's functions, or of all but that one's. */
  readonly engine?: "lambda";
  readonly except?: "lambda";
  /** Only where the deployment or a policy asks for it. */
  readonly only?:
    | "a network is declared"
    | "a policy names a key"
    | "a policy names an administrator"
    | "a policy names an administrator's key"
    | "a dependent is an ECS service"
    | "a dependent is a Lambda function"
    | "a dependent's requests are signed"
    | "a key for signing has a key"
    | "the deployment has a key"
    | "it rehearses for an account";
}

export type Scope =
  | "secrets of policies"
  | "secrets that Rotor rotates"
  | "secrets with a strategy"
  | "the administrators' secrets"
  | "the keys for signing"
  | "every secret of the account"
  | "the heartbeat's secret"
  | "the state machine"
  | "its executions"
  | "the rotation bus"
  | "the buses of accounts it rehearses for"
  | "the topics"
  | "the gates"
  | "dependents"
  | "roll-back and reconcile"
  | "plan, rotate, dependents, roll-back and notify"
  | "the policies' rotation functions"
  | "the dead letters"
  | "its own log group"
  | "the secrets' keys"
  | "the administrators' keys"
  | "the keys of keys for signing"
  | "the ECS services"
  | "tasks of the ECS services' clusters"
  | "the Lambda functions"
  | "the Lambda functions that are invoked"
  | "the deployment's key"
  | "*";

export type RoleName = FunctionName | "workflow" | "rehearses-for-1";

const ENCRYPT = ["kms:Decrypt", "kms:GenerateDataKey"];
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
  // Speaks to AWS alone.
  except: "lambda",
};
const KEYS_TO_READ: Row = {
  actions: ["kms:Decrypt"],
  on: "the secrets' keys",
  why: "to read values",
  through: ["secretsmanager"],
  only: "a policy names a key",
};
const KEYS_TO_WRITE: Row = {
  actions: ENCRYPT,
  on: "the secrets' keys",
  why: "to read and write values",
  through: ["secretsmanager"],
  only: "a policy names a key",
};
const ROTATION_FUNCTIONS: Row = {
  actions: ["lambda:InvokeFunction"],
  on: "the policies' rotation functions",
  why: "the strategy lambda drives them, step by step and back",
  engine: "lambda",
};
const ADMINISTRATORS: Row = {
  actions: ["secretsmanager:GetSecretValue"],
  on: "the administrators' secrets",
  why: "alternating users are changed by an administrator, single users may be",
  only: "a policy names an administrator",
};
const ADMINISTRATORS_KEYS: Row = {
  actions: ["kms:Decrypt"],
  on: "the administrators' keys",
  why: "to read their values",
  only: "a policy names an administrator's key",
  through: ["secretsmanager"],
};

/** The services through which a role uses a key. */
type Service = "secretsmanager" | "states" | "sns" | "sqs" | "logs";

/** The deployment's key, to write: what is sent there, executions that are started, and the log. */
function writesWithKey(services: readonly Service[], why: string): Row {
  return { actions: ENCRYPT, on: "the deployment's key", why, only: "the deployment has a key", through: services };
}

const READS_EXECUTIONS: Row = {
  actions: ["kms:Decrypt"],
  on: "the deployment's key",
  why: "executions are encrypted with it",
  only: "the deployment has a key",
  through: ["states"],
};

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
      on: "the gates",
      why: "dispatch does not call it: Secrets Manager's reference asks it of whoever calls RotateSecret",
    },
    writesWithKey(["logs", "states", "sqs"], "executions, dead letters and the log are encrypted with it"),
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
    writesWithKey(["logs", "states"], "executions and the log are encrypted with it"),
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
    {
      actions: ["lambda:InvokeFunction"],
      on: "dependents",
      why: "how the dependents are before: it stands in their network and has their rights",
    },
    writesWithKey(["logs"], "the log is encrypted with it"),
    READS_EXECUTIONS,
    LOG,
  ],
  rotate: [
    {
      actions: ["secretsmanager:DescribeSecret"],
      on: "secrets of policies",
      why: "whether the rotation was cancelled or overtaken; of an observed secret, what is live",
    },
    {
      actions: ["secretsmanager:GetSecretValue", "secretsmanager:UpdateSecretVersionStage"],
      on: "secrets with a strategy",
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
    ROTATION_FUNCTIONS,
    ADMINISTRATORS,
    ADMINISTRATORS_KEYS,
    KEYS_TO_WRITE,
    writesWithKey(["logs"], "the log is encrypted with it"),
    READS_EXECUTIONS,
    LOG,
    NETWORK,
  ],
  dependents: [
    {
      actions: ["ecs:DescribeServices", "ecs:UpdateService"],
      on: "the ECS services",
      why: "whether a service could follow, its new deployment, and whether that has rolled out",
      only: "a dependent is an ECS service",
    },
    {
      actions: ["ecs:TagResource"],
      on: "the ECS services",
      why: "which deployment is for which version",
      only: "a dependent is an ECS service",
      provided: {
        that: "every tag's key begins with rotor:",
        conditions: [{ "ForAllValues:StringLike": { "aws:TagKeys": ["rotor:*"] } }],
      },
    },
    {
      actions: ["ecs:DescribeTaskDefinition"],
      on: "*",
      why: "whether a container pins one version. AWS knows no resource for it",
      only: "a dependent is an ECS service",
    },
    {
      actions: ["ecs:ListTasks"],
      on: "*",
      why: "whether every task is new. AWS knows the cluster only as a condition",
      only: "a dependent is an ECS service",
      provided: {
        that: "the cluster is the service's",
        conditions: ["production", "batch"].map((name) => ({
          ArnEquals: { "ecs:cluster": [`arn:aws:ecs:eu-west-1:123456789012:cluster/${name}`] },
        })),
      },
    },
    {
      actions: ["ecs:DescribeTasks"],
      on: "tasks of the ECS services' clusters",
      why: "the same. Which tasks are the service's is not in their ARNs",
      only: "a dependent is an ECS service",
    },
    {
      actions: ["lambda:GetFunctionConfiguration"],
      on: "the Lambda functions",
      why: "whether a function could follow, and whether its update is through",
      only: "a dependent is a Lambda function",
    },
    {
      actions: ["lambda:UpdateFunctionConfiguration"],
      on: "the Lambda functions",
      why: "new execution environments",
      only: "a dependent is a Lambda function",
      provided: { that: "the request names no layer", conditions: [{ Null: { "lambda:Layer": ["true"] } }] },
    },
    {
      actions: ["lambda:InvokeFunction"],
      on: "the Lambda functions that are invoked",
      why: "probe and verify, where the target says that the function answers them",
      only: "a dependent is a Lambda function",
    },
    {
      actions: ["secretsmanager:GetSecretValue"],
      on: "the keys for signing",
      why: "refresh and probe are signed. They are secrets of their own, which nothing rotates",
      only: "a dependent's requests are signed",
    },
    {
      actions: ["kms:Decrypt"],
      on: "the keys of keys for signing",
      why: "to read their values",
      only: "a key for signing has a key",
      through: ["secretsmanager"],
    },
    writesWithKey(["logs"], "the log is encrypted with it"),
    LOG,
    NETWORK,
  ],
  "roll-back": [
    {
      actions: ["secretsmanager:DescribeSecret"],
      on: "secrets of policies",
      why: "compensation begins with a look at labels",
    },
    {
      actions: ["secretsmanager:GetSecretValue", "secretsmanager:UpdateSecretVersionStage"],
      on: "secrets with a strategy",
      why: "it signs in with each version; it writes labels, never a value",
    },
    {
      actions: ["states:DescribeExecution"],
      on: "its executions",
      why: "whether another one is at work on the secret",
    },
    {
      actions: ["secretsmanager:PutSecretValue"],
      on: "secrets with a strategy",
      why: "shows the rotation function the base's value, as a version of its own",
      engine: "lambda",
    },
    ROTATION_FUNCTIONS,
    ADMINISTRATORS,
    ADMINISTRATORS_KEYS,
    { ...KEYS_TO_READ, except: "lambda" },
    { ...KEYS_TO_WRITE, engine: "lambda" },
    writesWithKey(["logs"], "the log is encrypted with it"),
    READS_EXECUTIONS,
    LOG,
    NETWORK,
  ],
  notify: [
    { actions: ["sns:Publish"], on: "the topics", why: "outcomes and incidents, to machines and to people" },
    { actions: ["events:PutEvents"], on: "the rotation bus", why: "outcomes" },
    writesWithKey(["logs", "sns", "sqs"], "topics, dead letters and the log are encrypted with it"),
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
    writesWithKey(["logs", "sqs"], "dead letters and the log are encrypted with it"),
    READS_EXECUTIONS,
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
    {
      actions: ENCRYPT,
      on: "the deployment's key",
      why: "execution history is encrypted with it",
      only: "the deployment has a key",
    },
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

/** What a role is kept from, whatever else allows it: where a grant reaches further than what it is for. */
export interface Denial {
  readonly actions: readonly string[];
  readonly when: string;
  readonly condition: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

const NO_OTHER_TAGS = (action: string): Denial => ({
  actions: [action],
  when: "a tag's key does not begin with rotor:",
  condition: { "ForAnyValue:StringNotLike": { "aws:TagKeys": ["rotor:*"] } },
});

export const DENIALS: Readonly<Partial<Record<RoleName, readonly Denial[]>>> = {
  dispatch: [
    {
      actions: ["secretsmanager:RotateSecret"],
      when: "the request names a rotation function",
      condition: { Null: { "secretsmanager:RotationLambdaARN": "false" } },
    },
    {
      actions: ["secretsmanager:RotateSecret"],
      when: "the request changes the schedule",
      condition: { Bool: { "secretsmanager:ModifyRotationRules": "true" } },
    },
    NO_OTHER_TAGS("secretsmanager:TagResource"),
    NO_OTHER_TAGS("secretsmanager:UntagResource"),
  ],
  reconcile: [NO_OTHER_TAGS("secretsmanager:TagResource")],
};
