import { EVENT_SOURCE, type FunctionName, ROTATION_BUS } from "./blueprint.ts";

/**
 * What calls the functions, as it is deployed: rules and schedules, how they deliver, and what becomes of what a function fails on.
 * Data only, and apart from `blueprint.ts`, of which every function has a part in its bundle.
 */

export interface RuleBlueprint {
  readonly name: string;
  readonly bus: "default" | typeof ROTATION_BUS;
  /** ${StateMachineArn} and ${HeartbeatSecretArn} stand for what is only known when it is deployed. */
  readonly pattern: Readonly<Record<string, unknown>>;
  readonly target: FunctionName;
}

/**
 * How every rule's target is delivered to: EventBridge's own longest, and then the dead letters. The input is the whole event.
 * What becomes of an event that the function fails on is ON_FAILURE's.
 */
export const DELIVERY = {
  maximumRetryAttempts: 185,
  maximumEventAgeSeconds: 86_400,
  deadLetters: "rotation-dead-letters",
};

// AWS's sources cannot be used with PutEvents; whoever may put events on the rotation bus may ask.
const ANYBODY = [{ "anything-but": { prefix: "aws." } }];

export const RULES: readonly RuleBlueprint[] = [
  {
    // CloudTrail's service events. The gate starts the same execution as RotationStarted does, by the same name.
    name: "rotation",
    bus: "default",
    pattern: {
      source: ["aws.secretsmanager"],
      "detail-type": ["AWS Service Event via CloudTrail"],
      detail: {
        eventSource: ["secretsmanager.amazonaws.com"],
        eventName: [
          "RotationStarted",
          "RotationSucceeded",
          "RotationFailed",
          "RotationAbandoned",
          "TestRotationFailed",
        ],
      },
    },
    target: "dispatch",
  },
  {
    // Needs no trail. Also comes for our own moves, which dispatch tells apart.
    name: "current-moved",
    bus: "default",
    pattern: {
      source: ["aws.secretsmanager"],
      "detail-type": ["Secret Label Updated"],
      detail: { labelUpdated: ["AWSCURRENT"] },
    },
    target: "dispatch",
  },
  {
    // The same move, where no label event comes. Under which name the trail has the label is UNCONFIRMED, so the calls for other
    // labels come as well, two to five in a rotation, and dispatch tells them apart.
    name: "current-moved-by-call",
    bus: "default",
    pattern: callsOf(["UpdateSecretVersionStage"], { errorCode: [{ exists: false }] }),
    target: "dispatch",
  },
  {
    // What ends a schedule, or the secret.
    name: "secret-changed",
    bus: "default",
    pattern: callsOf(["CancelRotateSecret", "DeleteSecret"], { errorCode: [{ exists: false }] }),
    target: "dispatch",
  },
  {
    name: "heartbeat",
    bus: "default",
    pattern: callsOf(["TagResource"], { requestParameters: { secretId: ["${HeartbeatSecretArn}"] } }),
    target: "dispatch",
  },
  {
    // Executions that no Catch has ended. Those that failed by a Fail state of ours have told it already.
    name: "execution-ended",
    bus: "default",
    pattern: {
      source: ["aws.states"],
      "detail-type": ["Step Functions Execution Status Change"],
      detail: { status: ["FAILED", "TIMED_OUT", "ABORTED"], stateMachineArn: ["${StateMachineArn}"] },
    },
    target: "dispatch",
  },
  {
    name: "requested",
    bus: ROTATION_BUS,
    pattern: {
      source: ANYBODY,
      "detail-type": ["Rotation Requested", "Repair Requested", "Rehearsal Requested"],
    },
    target: "dispatch",
  },
  {
    // Of this account and, by a rule of their own, of those that rehearse for it.
    name: "rehearsed",
    bus: ROTATION_BUS,
    pattern: {
      source: [EVENT_SOURCE],
      "detail-type": ["Rotation Succeeded", "Rotation Rolled Back"],
      detail: { rehearsal: { digest: [{ exists: true }] } },
    },
    target: "dispatch",
  },
  {
    // And the digest of a week.
    name: "incident",
    bus: ROTATION_BUS,
    pattern: { source: [EVENT_SOURCE], "detail-type": ["Incident Detected", "Digest Compiled"] },
    target: "notify",
  },
];

/** What runs by the clock, on the default bus. */
export const SCHEDULES = [
  { name: "reconcile", expression: "rate(15 minutes)", target: "reconcile" },
] as const satisfies readonly { readonly name: string; readonly expression: string; readonly target: FunctionName }[];

/**
 * What rules and schedules call is invoked asynchronously: EventBridge has delivered once Lambda has taken the event, and what
 * the function fails on, three times, Lambda drops unless it has a destination. It is the queue of DELIVERY, so that what was
 * not heard or not told is found in one place. The function's role needs sqs:SendMessage there.
 */
export const ON_FAILURE: {
  readonly functions: readonly FunctionName[];
  readonly destination: string;
  readonly maximumRetryAttempts: number;
} = {
  functions: [...new Set([...RULES, ...SCHEDULES].map(({ target }) => target))],
  destination: DELIVERY.deadLetters,
  maximumRetryAttempts: 2,
};

/** Calls of Secrets Manager's API, as the trail tells them. */
function callsOf(eventName: readonly string[], detail: Readonly<Record<string, unknown>>): RuleBlueprint["pattern"] {
  return {
    source: ["aws.secretsmanager"],
    "detail-type": ["AWS API Call via CloudTrail"],
    detail: { eventSource: ["secretsmanager.amazonaws.com"], eventName, ...detail },
  };
}
