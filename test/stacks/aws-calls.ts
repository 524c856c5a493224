import { expect } from "vitest";
import { pascal, propertiesOf } from "./cloudformation.ts";
import type { Resource } from "./harness/graph.ts";

/** moto's account, and the mocks' of the evaluation. */
export const ACCOUNT = "123456789012";
export const REGION = "eu-west-1";

/** One call of an AWS API, as boto3 spells it. */
export type Call = readonly [service: string, operation: string, parameters: object];

/** How a resource is created, and looked at once everything is there. */
export interface Steps {
  readonly create: readonly Call[];
  /** Each with what it has to answer; it may answer more. */
  readonly read: readonly (readonly [call: Call, answer: object])[];
  /** Where the first answer has the resource's ARN. */
  readonly arn?: string;
}

/** Types that are not created, and why. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  "aws:secretsmanager/secretRotation:SecretRotation":
    "its secrets are not the graph's, and moto's rotation and staging labels are not AWS's",
};

/** @throws Error for a type that has no calls and is not left out */
export function stepsOf(resource: Resource): Steps {
  const steps = TYPES[resource.type];
  if (steps === undefined) throw new Error(`How ${resource.type} is created is not said in test/stacks/aws-calls.ts.`);
  return steps(resource.inputs, resource);
}

// What a provider takes is as wide as AWS.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Inputs = any;

/**
 * Type -> calls, from the inputs that Pulumi's provider would get. boto3 refuses a parameter that AWS does not know. CloudFormation's
 * properties of alarms, dashboards, functions and their destinations are the parameters of these calls.
 */
const TYPES: Readonly<Record<string, (inputs: Inputs, resource: Resource) => Steps>> = {
  "aws:s3/bucketObjectv2:BucketObjectv2": ({ bucket: Bucket, key: Key, source }) => ({
    // A function's code has to be there; what it does is not moto's to say.
    create: [["s3", "put_object", { Bucket, Key, Body: source.path }]],
    read: [[["s3", "head_object", { Bucket, Key }], {}]],
  }),
  "aws:iam/role:Role": ({ name: RoleName, assumeRolePolicy, inlinePolicies, managedPolicyArns = [], ...more }) => {
    const trust = text(assumeRolePolicy);
    const policies = inlinePolicies.map((each: Inputs) => ({ PolicyName: each.name, PolicyDocument: each.policy }));
    return {
      create: [
        ["iam", "create_role", { RoleName, AssumeRolePolicyDocument: trust, ...pascal(more) }],
        ...policies.map((each: object): Call => ["iam", "put_role_policy", { RoleName, ...each }]),
        ...managedPolicyArns.map((PolicyArn: string): Call => ["iam", "attach_role_policy", { RoleName, PolicyArn }]),
      ],
      read: [
        [["iam", "get_role", { RoleName }], { Role: { AssumeRolePolicyDocument: trust } }],
        ...policies.map((each: Inputs) => [
          ["iam", "get_role_policy", { RoleName, PolicyName: each.PolicyName }],
          { PolicyDocument: each.PolicyDocument },
        ]),
      ],
      arn: "Role.Arn",
    };
  },
  "aws:cloudwatch/logGroup:LogGroup": ({ name: logGroupName, retentionInDays, ...more }) => ({
    create: [
      ["logs", "create_log_group", { logGroupName, ...more }],
      ["logs", "put_retention_policy", { logGroupName, retentionInDays }],
    ],
    read: [
      [
        // Names are sorted: the first one is no longer than the prefix.
        ["logs", "describe_log_groups", { logGroupNamePrefix: logGroupName, limit: 1 }],
        { logGroups: [{ logGroupName, retentionInDays, ...more }] },
      ],
    ],
    arn: "logGroups.0.logGroupArn",
  }),
  "aws:lambda/function:Function": ({ name: FunctionName }, resource) => {
    // moto keeps neither the code's place nor the log's.
    const { Code, LoggingConfig, ...kept } = propertiesOf(resource) as Inputs;
    return {
      create: [["lambda", "create_function", { Code, LoggingConfig, ...kept }]],
      read: [[["lambda", "get_function_configuration", { FunctionName }], kept]],
      arn: "FunctionArn",
    };
  },
  "aws:lambda/permission:Permission": ({ function: FunctionName, principal, ...more }, { name: StatementId }) => {
    const { sourceArn, sourceAccount } = more;
    const statement = {
      Sid: StatementId,
      Principal: { Service: principal },
      Condition: {
        ...(sourceArn && { ArnLike: { "AWS:SourceArn": sourceArn } }),
        ...(sourceAccount && { StringEquals: { "AWS:SourceAccount": sourceAccount } }),
      },
    };
    // The function's policy has other statements, too.
    const Policy = expect.objectContaining({ Statement: expect.arrayContaining([expect.objectContaining(statement)]) });
    return {
      create: [["lambda", "add_permission", { StatementId, FunctionName, Principal: principal, ...pascal(more) }]],
      read: [[["lambda", "get_policy", { FunctionName }], { Policy }]],
    };
  },
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ({ functionName: FunctionName }, resource) => {
    const { MaximumRetryAttempts, DestinationConfig } = propertiesOf(resource) as Inputs;
    return {
      create: [["lambda", "put_function_event_invoke_config", propertiesOf(resource)]],
      read: [
        [["lambda", "get_function_event_invoke_config", { FunctionName }], { MaximumRetryAttempts, DestinationConfig }],
      ],
    };
  },
  "aws:sfn/stateMachine:StateMachine": ({ loggingConfiguration, ...inputs }) => {
    const { logDestination: logGroupArn, ...logging } = loggingConfiguration;
    const destinations = [{ cloudWatchLogsLogGroup: { logGroupArn } }];
    const parameters = { ...inputs, loggingConfiguration: { ...logging, destinations } };
    return {
      create: [["stepfunctions", "create_state_machine", parameters]],
      read: [
        [
          [
            "stepfunctions",
            "describe_state_machine",
            { stateMachineArn: arn("states", `stateMachine:${inputs.name}`) },
          ],
          parameters,
        ],
      ],
      arn: "stateMachineArn",
    };
  },
  "aws:cloudwatch/eventBus:EventBus": ({ name: Name, ...more }) => ({
    create: [["events", "create_event_bus", { Name, ...pascal(more) }]],
    read: [[["events", "describe_event_bus", { Name }], { Name }]],
    arn: "Arn",
  }),
  "aws:cloudwatch/eventBusPolicy:EventBusPolicy": ({ eventBusName, policy: Policy }) => ({
    create: [["events", "put_permission", { EventBusName: eventBusName, Policy }]],
    read: [[["events", "describe_event_bus", { Name: eventBusName }], { Policy }]],
  }),
  "aws:cloudwatch/eventRule:EventRule": (inputs) => ({
    create: [["events", "put_rule", pascal(inputs)]],
    read: [
      [
        ["events", "describe_rule", { Name: inputs.name, EventBusName: inputs.eventBusName }],
        { EventBusName: "default", ...pascal(inputs) },
      ],
    ],
    arn: "Arn",
  }),
  "aws:cloudwatch/eventTarget:EventTarget": ({ rule: Rule, eventBusName: EventBusName, targetId, ...more }) => {
    const Targets = [{ Id: targetId, ...pascal(more) }];
    return {
      create: [["events", "put_targets", { Rule, EventBusName, Targets }]],
      read: [[["events", "list_targets_by_rule", { Rule, EventBusName }], { Targets }]],
    };
  },
  "aws:cloudwatch/metricAlarm:MetricAlarm": ({ name }, resource) => ({
    create: [["cloudwatch", "put_metric_alarm", propertiesOf(resource)]],
    read: [[["cloudwatch", "describe_alarms", { AlarmNames: [name] }], { MetricAlarms: [propertiesOf(resource)] }]],
    arn: "MetricAlarms.0.AlarmArn",
  }),
  "aws:cloudwatch/dashboard:Dashboard": ({ dashboardName: DashboardName, dashboardBody: DashboardBody }) => ({
    create: [["cloudwatch", "put_dashboard", { DashboardName, DashboardBody }]],
    read: [[["cloudwatch", "get_dashboard", { DashboardName }], { DashboardBody }]],
    arn: "DashboardArn",
  }),
  "aws:sns/topic:Topic": ({ name: Name, ...more }) => ({
    create: [["sns", "create_topic", { Name, Attributes: pascal(more) }]],
    read: [[["sns", "get_topic_attributes", { TopicArn: arn("sns", Name) }], { Attributes: pascal(more) }]],
    arn: "Attributes.TopicArn",
  }),
  "aws:sns/topicPolicy:TopicPolicy": ({ arn: TopicArn, policy: Policy }) => ({
    create: [["sns", "set_topic_attributes", { TopicArn, AttributeName: "Policy", AttributeValue: Policy }]],
    read: [[["sns", "get_topic_attributes", { TopicArn }], { Attributes: { Policy } }]],
  }),
  "aws:sqs/queue:Queue": ({ name: QueueName, messageRetentionSeconds, ...more }) => {
    const Attributes = { MessageRetentionPeriod: String(messageRetentionSeconds), ...pascal(more) };
    const QueueUrl = `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${QueueName}`;
    return {
      create: [["sqs", "create_queue", { QueueName, Attributes }]],
      read: [[["sqs", "get_queue_attributes", { QueueUrl, AttributeNames: ["All"] }], { Attributes }]],
      arn: "Attributes.QueueArn",
    };
  },
  "aws:sqs/queuePolicy:QueuePolicy": ({ queueUrl: QueueUrl, policy: Policy }) => ({
    create: [["sqs", "set_queue_attributes", { QueueUrl, Attributes: { Policy } }]],
    read: [[["sqs", "get_queue_attributes", { QueueUrl, AttributeNames: ["Policy"] }], { Attributes: { Policy } }]],
  }),
  // How long a deleted secret could be restored is said when it is deleted.
  "aws:secretsmanager/secret:Secret": ({ name: Name, recoveryWindowInDays: _said, ...more }) => ({
    create: [["secretsmanager", "create_secret", { Name, ...pascal(more) }]],
    read: [[["secretsmanager", "describe_secret", { SecretId: Name }], { Name, ...pascal(more) }]],
    arn: "ARN",
  }),
};

function arn(service: string, tail: string): string {
  return `arn:aws:${service}:${REGION}:${ACCOUNT}:${tail}`;
}

/** Pulumi takes a policy as text or as an object. */
function text(policy: string | object): string {
  return typeof policy === "string" ? policy : JSON.stringify(policy);
}
