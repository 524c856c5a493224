import type { Graph, Resource } from "./harness/graph.ts";

// What a provider takes is as wide as AWS.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Inputs = any;

/** Type -> CloudFormation's type and properties. Only so that cfn-lint can look: nothing is deployed by it. */
const TYPES: Readonly<Record<string, (inputs: Inputs) => readonly [type: string, properties: object]>> = {
  "aws:cloudwatch/logGroup:LogGroup": ({ name, retentionInDays, kmsKeyId }) => [
    "AWS::Logs::LogGroup",
    { LogGroupName: name, RetentionInDays: retentionInDays, KmsKeyId: kmsKeyId },
  ],
  "aws:cloudwatch/eventBus:EventBus": ({ name }) => ["AWS::Events::EventBus", { Name: name }],
  "aws:cloudwatch/metricAlarm:MetricAlarm": ({ name, dimensions, metricQueries, okActions, ...rest }) => [
    "AWS::CloudWatch::Alarm",
    {
      AlarmName: name,
      ...pascal(rest),
      OKActions: okActions,
      Dimensions: dimensions && pairs(dimensions),
      Metrics: metricQueries?.map(({ metric, ...query }: Inputs) => ({
        ...pascal(query),
        MetricStat: metric && {
          Metric: { Namespace: metric.namespace, MetricName: metric.metricName, Dimensions: pairs(metric.dimensions) },
          ...{ Period: metric.period, Stat: metric.stat },
        },
      })),
    },
  ],
  "aws:cloudwatch/dashboard:Dashboard": ({ dashboardName, dashboardBody }) => [
    "AWS::CloudWatch::Dashboard",
    { DashboardName: dashboardName, DashboardBody: dashboardBody },
  ],
  "aws:iam/role:Role": ({ name, assumeRolePolicy, managedPolicyArns, inlinePolicies }) => [
    "AWS::IAM::Role",
    {
      RoleName: name,
      AssumeRolePolicyDocument: parsed(assumeRolePolicy),
      ManagedPolicyArns: managedPolicyArns,
      Policies: inlinePolicies.map((each: Inputs) => ({ PolicyName: each.name, PolicyDocument: parsed(each.policy) })),
    },
  ],
  "aws:lambda/function:Function": (inputs) => [
    "AWS::Lambda::Function",
    {
      ...{ FunctionName: inputs.name, Runtime: inputs.runtime, Handler: inputs.handler, Role: inputs.role },
      ...{ Timeout: inputs.timeout, MemorySize: inputs.memorySize, Architectures: inputs.architectures },
      Environment: { Variables: inputs.environment.variables },
      Code: { S3Bucket: inputs.s3Bucket, S3Key: inputs.s3Key },
      LoggingConfig: pascal(inputs.loggingConfig),
      VpcConfig: inputs.vpcConfig && pascal(inputs.vpcConfig),
    },
  ],
  "aws:lambda/permission:Permission": (inputs) => [
    "AWS::Lambda::Permission",
    {
      ...{ FunctionName: inputs.function, Action: inputs.action, Principal: inputs.principal },
      ...{ SourceArn: inputs.sourceArn, SourceAccount: inputs.sourceAccount },
    },
  ],
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (inputs) => [
    "AWS::Lambda::EventInvokeConfig",
    {
      ...{ FunctionName: inputs.functionName, Qualifier: "$LATEST" },
      MaximumRetryAttempts: inputs.maximumRetryAttempts,
      DestinationConfig: pascal(inputs.destinationConfig),
    },
  ],
  "aws:secretsmanager/secret:Secret": ({ name, description }) => [
    "AWS::SecretsManager::Secret",
    { Name: name, Description: description },
  ],
  "aws:secretsmanager/secretRotation:SecretRotation": (inputs) => [
    "AWS::SecretsManager::RotationSchedule",
    {
      ...{ SecretId: inputs.secretId, RotationLambdaARN: inputs.rotationLambdaArn },
      ...{ RotateImmediatelyOnUpdate: inputs.rotateImmediately, RotationRules: pascal(inputs.rotationRules) },
    },
  ],
  "aws:sfn/stateMachine:StateMachine": (inputs) => [
    "AWS::StepFunctions::StateMachine",
    {
      ...{ StateMachineName: inputs.name, StateMachineType: inputs.type, RoleArn: inputs.roleArn },
      Definition: parsed(inputs.definition),
      TracingConfiguration: pascal(inputs.tracingConfiguration),
      LoggingConfiguration: {
        ...{ Level: inputs.loggingConfiguration.level, IncludeExecutionData: false },
        Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: inputs.loggingConfiguration.logDestination } }],
      },
    },
  ],
  "aws:sns/topic:Topic": ({ name, kmsMasterKeyId }) => [
    "AWS::SNS::Topic",
    { TopicName: name, KmsMasterKeyId: kmsMasterKeyId },
  ],
  "aws:sns/topicPolicy:TopicPolicy": ({ arn, policy }) => [
    "AWS::SNS::TopicPolicy",
    { Topics: [arn], PolicyDocument: parsed(policy) },
  ],
  "aws:sqs/queue:Queue": (inputs) => [
    "AWS::SQS::Queue",
    {
      ...{ QueueName: inputs.name, MessageRetentionPeriod: inputs.messageRetentionSeconds },
      ...{ SqsManagedSseEnabled: inputs.sqsManagedSseEnabled, KmsMasterKeyId: inputs.kmsMasterKeyId },
    },
  ],
  "aws:sqs/queuePolicy:QueuePolicy": ({ queueUrl, policy }) => [
    "AWS::SQS::QueuePolicy",
    { Queues: [queueUrl], PolicyDocument: parsed(policy) },
  ],
};

/** @throws Error for a type that the template has no place for */
export function propertiesOf({ type, inputs }: Resource): object {
  const made = TYPES[type]?.(inputs);
  if (made === undefined) throw new Error(`There is no CloudFormation type for ${type}.`);
  return made[1];
}

/** The graph as a CloudFormation template, and the types that it has no place for. */
export function toCloudFormation({ resources }: Pick<Graph, "resources">) {
  const targets = resources.filter(({ type }) => type === "aws:cloudwatch/eventTarget:EventTarget");
  const template: Record<string, { Type: string; Properties: object }> = {};
  const left = new Set<string>();
  for (const resource of resources.filter(({ type }) => type.startsWith("aws:"))) {
    const made =
      resource.type === "aws:cloudwatch/eventRule:EventRule"
        ? ruleOf(resource, targets)
        : TYPES[resource.type]?.(resource.inputs);
    if (made === undefined) left.add(resource.type);
    else
      template[`${resource.name}${resource.type.split(":").at(-1)}`.replace(/[^A-Za-z0-9]/g, "")] = {
        Type: made[0],
        Properties: made[1],
      };
  }
  return { template: { AWSTemplateFormatVersion: "2010-09-09", Resources: template }, left: [...left].sort() };
}

/** A rule has its targets in it. */
function ruleOf({ inputs }: Resource, targets: readonly Resource[]) {
  const own = targets.filter((each) => each.inputs.rule === inputs.name);
  const properties = {
    ...{ Name: inputs.name, Description: inputs.description, EventBusName: inputs.eventBusName },
    ScheduleExpression: inputs.scheduleExpression,
    EventPattern: inputs.eventPattern && parsed(inputs.eventPattern),
    Targets: own.map(({ inputs: { targetId, arn, roleArn, deadLetterConfig, retryPolicy } }) => ({
      ...{ Id: targetId, Arn: arn, RoleArn: roleArn, DeadLetterConfig: pascal(deadLetterConfig) },
      RetryPolicy: {
        MaximumRetryAttempts: retryPolicy.maximumRetryAttempts,
        MaximumEventAgeInSeconds: retryPolicy.maximumEventAgeInSeconds,
      },
    })),
  };
  return ["AWS::Events::Rule", properties] as const;
}

function pairs(dimensions: Readonly<Record<string, string>>) {
  return Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
}

/** Pulumi's spelling of keys in AWS's. */
export function pascal(value: Inputs): Inputs {
  if (Array.isArray(value)) return value.map(pascal);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [(key[0] ?? "").toUpperCase() + key.slice(1), pascal(each)]),
  );
}

function parsed(value: string | object): object {
  return typeof value === "string" ? JSON.parse(value) : value;
}
