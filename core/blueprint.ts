/**
 * What is deployed, said once: functions, rules, topics and the workflow's placeholders. `stacks/` and the embedded
 * account both read it, so what runs locally is what deploys. Data only.
 */

export interface FunctionBlueprint {
  /** The file whose `handler` is the entry point. */
  readonly file: string;
  /** Lambda timeout, in seconds. The longest task of the state machine that calls it waits longer than that. */
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  /** Environment variables it reads, of those in `core/env.ts`. */
  readonly environment: readonly (
    | "STAGE"
    | "STATE_MACHINE_ARN"
    | "GATE_FUNCTION_ARN"
    | "ROTATION_BUS_NAME"
    | "EVENTS_TOPIC_ARN"
    | "EMAIL_TOPIC_ARN"
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
    environment: ["STATE_MACHINE_ARN"],
    actions: ["secretsmanager:DescribeSecret", "states:StartExecution", "states:DescribeExecution"],
  },
  gate: {
    file: "functions/gate.ts",
    timeoutSeconds: 900,
    memoryMegabytes: 256,
    environment: ["STATE_MACHINE_ARN", "TARGET_TIMEOUT_MS", "GATE_FIRST_PAUSE_MS"],
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
    environment: ["STATE_MACHINE_ARN", "GATE_FUNCTION_ARN"],
    actions: ["secretsmanager:DescribeSecret", "states:DescribeExecution", "states:GetExecutionHistory"],
  },
  rotate: {
    file: "functions/rotate.ts",
    timeoutSeconds: 90,
    memoryMegabytes: 512,
    environment: ["STATE_MACHINE_ARN", "TARGET_TIMEOUT_MS"],
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
    environment: [],
    actions: [],
  },
  "roll-back": {
    file: "functions/roll-back.ts",
    timeoutSeconds: 170,
    memoryMegabytes: 512,
    environment: ["GATE_FUNCTION_ARN", "TARGET_TIMEOUT_MS", "CONFIRM_PAUSE_MS"],
    actions: [
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:UpdateSecretVersionStage",
    ],
  },
  notify: {
    file: "functions/notify.ts",
    timeoutSeconds: 30,
    memoryMegabytes: 256,
    environment: ["STAGE", "ROTATION_BUS_NAME", "EVENTS_TOPIC_ARN", "EMAIL_TOPIC_ARN"],
    actions: ["sns:Publish", "events:PutEvents"],
  },
} as const satisfies Record<string, FunctionBlueprint>;

export type FunctionName = keyof typeof FUNCTIONS;

export const ROTATION_BUS = "rotation";
export const TOPICS = ["events", "email"] as const;

/** The source of every event of ours on the rotation bus. */
export const EVENT_SOURCE = "rotor.rotation";

export interface RuleBlueprint {
  readonly name: string;
  readonly bus: "default" | typeof ROTATION_BUS;
  readonly pattern: Readonly<Record<string, unknown>>;
  readonly target: FunctionName;
}

export const RULES: readonly RuleBlueprint[] = [
  {
    // CloudTrail's service event; the gate starts the same execution itself, by the same name.
    name: "rotation-started",
    bus: "default",
    pattern: {
      source: ["aws.secretsmanager"],
      "detail-type": ["AWS Service Event via CloudTrail"],
      detail: { eventSource: ["secretsmanager.amazonaws.com"], eventName: ["RotationStarted"] },
    },
    target: "dispatch",
  },
  {
    name: "rotation-requested",
    bus: ROTATION_BUS,
    pattern: { source: [{ "anything-but": { prefix: "aws." } }], "detail-type": ["Rotation Requested"] },
    target: "dispatch",
  },
];

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
