/**
 * What is deployed, said once: functions, topics and the workflow's placeholders, and in `triggers.ts` what calls the functions.
 * `stacks/` and the embedded account both read it, so what runs locally is what deploys. Data only.
 */

/** The release: what a rehearsal has proved is bound to it. The package's version. */
export const RELEASE = "0.1.0";

/** The stage of an embedded account that names no other: what is deployed there has no prefix. */
export const LOCAL_STAGE = "local";

export interface FunctionBlueprint {
  /** The file whose `handler` is the entry point. */
  readonly file: string;
  /** Lambda timeout, in seconds. The longest task of the state machine that calls it waits longer than that. */
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  /** Environment variables it reads, of those in `core/env.ts`. */
  readonly environment: readonly (
    | "STAGE"
    | "ENGINE"
    | "STATE_MACHINE_ARN"
    | "GATE_FUNCTION_ARN"
    | "DEPENDENTS_FUNCTION_ARN"
    | "ROLL_BACK_FUNCTION_ARN"
    | "DEFINITION_DIGEST"
    | "HEARTBEAT_SECRET_ARN"
    | "ROTATION_BUS_NAME"
    | "EVENTS_TOPIC_ARN"
    | "EMAIL_TOPIC_ARN"
    | "CHAT_TOPIC_ARN"
    | "ERROR_RUNBOOK_URL"
    | "DIGEST"
    | "TARGET_TIMEOUT_MS"
    | "CONFIRM_PAUSE_MS"
    | "GATE_FIRST_PAUSE_MS"
  )[];
  /** The AWS actions it calls, and may call: IAM's own names. Nothing else is granted. */
  readonly actions: readonly string[];
}

export const FUNCTIONS = {
  dispatch: {
    file: "functions/dispatch.ts",
    timeoutSeconds: 60,
    memoryMegabytes: 256,
    environment: ["STAGE", "STATE_MACHINE_ARN", "GATE_FUNCTION_ARN", "ROTATION_BUS_NAME", "HEARTBEAT_SECRET_ARN"],
    actions: [
      "secretsmanager:DescribeSecret",
      "secretsmanager:RotateSecret",
      "secretsmanager:TagResource",
      "secretsmanager:UntagResource",
      "states:StartExecution",
      "states:DescribeExecution",
      "events:PutEvents",
    ],
  },
  gate: {
    file: "functions/gate.ts",
    timeoutSeconds: 900,
    memoryMegabytes: 256,
    environment: [
      "STAGE",
      "ENGINE",
      "STATE_MACHINE_ARN",
      "DEFINITION_DIGEST",
      "TARGET_TIMEOUT_MS",
      "GATE_FIRST_PAUSE_MS",
    ],
    actions: [
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:PutSecretValue",
      "secretsmanager:UpdateSecretVersionStage",
      "states:StartExecution",
      "states:DescribeExecution",
    ],
  },
  plan: {
    file: "functions/plan.ts",
    timeoutSeconds: 60,
    memoryMegabytes: 256,
    environment: ["STAGE", "STATE_MACHINE_ARN", "GATE_FUNCTION_ARN", "DEPENDENTS_FUNCTION_ARN", "DEFINITION_DIGEST"],
    actions: [
      "secretsmanager:DescribeSecret",
      "secretsmanager:ListSecretVersionIds",
      "states:DescribeExecution",
      "states:GetExecutionHistory",
      // dependents, which reaches them.
      "lambda:InvokeFunction",
    ],
  },
  rotate: {
    file: "functions/rotate.ts",
    timeoutSeconds: 90,
    memoryMegabytes: 512,
    environment: ["STAGE", "ENGINE", "STATE_MACHINE_ARN", "TARGET_TIMEOUT_MS"],
    actions: [
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:PutSecretValue",
      "secretsmanager:UpdateSecretVersionStage",
      "states:DescribeExecution",
    ],
  },
  dependents: {
    file: "functions/dependents.ts",
    timeoutSeconds: 30,
    memoryMegabytes: 256,
    environment: ["STAGE"],
    // Besides what the dependents of the policies need: core/dependent-grants.ts.
    actions: [],
  },
  "roll-back": {
    file: "functions/roll-back.ts",
    timeoutSeconds: 170,
    memoryMegabytes: 512,
    environment: ["STAGE", "ENGINE", "STATE_MACHINE_ARN", "GATE_FUNCTION_ARN", "TARGET_TIMEOUT_MS", "CONFIRM_PAUSE_MS"],
    actions: [
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:UpdateSecretVersionStage",
      "states:DescribeExecution",
    ],
  },
  notify: {
    file: "functions/notify.ts",
    timeoutSeconds: 30,
    memoryMegabytes: 256,
    environment: [
      "STAGE",
      "ROTATION_BUS_NAME",
      "EVENTS_TOPIC_ARN",
      "EMAIL_TOPIC_ARN",
      "CHAT_TOPIC_ARN",
      "ERROR_RUNBOOK_URL",
    ],
    actions: ["sns:Publish", "events:PutEvents"],
  },
  reconcile: {
    file: "functions/reconcile.ts",
    timeoutSeconds: 900,
    memoryMegabytes: 256,
    environment: [
      "STAGE",
      "STATE_MACHINE_ARN",
      "GATE_FUNCTION_ARN",
      "ROLL_BACK_FUNCTION_ARN",
      "ROTATION_BUS_NAME",
      "HEARTBEAT_SECRET_ARN",
      "DIGEST",
    ],
    actions: [
      "secretsmanager:DescribeSecret",
      "secretsmanager:ListSecrets",
      "secretsmanager:ListSecretVersionIds",
      "secretsmanager:TagResource",
      "states:DescribeExecution",
      "states:ListExecutions",
      "events:PutEvents",
      // roll-back, to try whether AWSCURRENT signs in; and itself, to go on where its time was over.
      "lambda:InvokeFunction",
    ],
  },
} as const satisfies Record<string, FunctionBlueprint>;

export type FunctionName = keyof typeof FUNCTIONS;

export const ROTATION_BUS = "rotation";
export const TOPICS = ["events", "email"] as const;
/** Only where the deployment has one: for a channel of Amazon Q Developer. */
export const CHAT_TOPIC = "chat";

/** The source of every event of ours on the rotation bus. */
export const EVENT_SOURCE = "rotor.rotation";

/** The secret whose tags prove that the trail delivers: it holds nothing. */
export const HEARTBEAT_SECRET_NAME = "rotor/heartbeat";

/** What the functions measure, in CloudWatch's embedded metric format. No dimension names a secret. */
export const METRICS = {
  namespace: "Rotor",
  /** Of notify, by stage, outcome and mode. A Notify that is repeated counts again. */
  outcomes: {
    rotations: "Rotations",
    duration: "RotationDuration",
    credentialGap: "CredentialGap",
    newWasLive: "NewWasLive",
  },
  /** Of notify, by stage: 1 for an outcome ROLLBACK_FAILED, of whatever mode, and 0 for any other. Its alarm needs no sum. */
  rollbacks: { failed: "RollbacksFailed" },
  /** Of reconcile, by stage, for each part of a sweep. */
  sweeps: {
    sweeps: "Sweeps",
    oldestOverdue: "OldestOverdue",
    trailSilent: "TrailSilent",
    frozenSecrets: "FrozenSecrets",
    looksFailed: "LooksFailed",
  },
} as const;

export const STATE_MACHINE = {
  name: "rotation",
  file: "statemachines/rotation.asl.json",
  substitutions: {
    PlanFunctionArn: "plan",
    RotateFunctionArn: "rotate",
    DependentsFunctionArn: "dependents",
    RollBackFunctionArn: "roll-back",
    NotifyFunctionArn: "notify",
  },
} as const satisfies {
  name: string;
  file: string;
  /** Placeholder of the definition -> the function whose ARN takes its place. */
  substitutions: Record<string, FunctionName>;
};
