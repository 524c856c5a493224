import { STATE_MACHINE } from "../core/blueprint.ts";
import definition from "../statemachines/rotation.asl.json";
import { type Functions, requireFunction } from "./functions.ts";
import { functionsOf, type Grants } from "./grants.ts";
import { isProduction, logRetention } from "./names.ts";
import { policyDocument, type Statement } from "./statement.ts";

/** The state machine: the definition as it lies in the repository, with the functions' ARNs in place of its placeholders. */
export function createWorkflow(grants: Grants, functions: Functions): aws.sfn.StateMachine {
  const { names, deployment } = grants;
  const name = names.of(STATE_MACHINE.name);
  const arn = names.arn("states", `stateMachine:${name}`);
  const arns = Object.entries(STATE_MACHINE.substitutions).map(([placeholder, each]): [string, $util.Input<string>] => [
    placeholder,
    requireFunction(functions, each).arn,
  ]);
  const logGroup = new aws.cloudwatch.LogGroup(
    "workflow-logs",
    { name: `/aws/vendedlogs/states/${name}`, retentionInDays: logRetention(), kmsKeyId: deployment.kmsKeyArn },
    { retainOnDelete: isProduction() },
  );
  const called: readonly string[] = Object.values(STATE_MACHINE.substitutions);
  // Those of each engine, too: the definition adds what their names end with.
  const invoked = functionsOf(grants).filter(({ name }) => called.includes(name));
  const role = new aws.iam.Role("workflow-role", {
    name: names.acrossRegions("workflow"),
    assumeRolePolicy: trustOf(names.account, arn),
    inlinePolicies: [
      {
        name: "permissions",
        policy: policyDocument([
          {
            Effect: "Allow",
            Action: ["lambda:InvokeFunction"],
            Resource: invoked.map(({ id }) => names.arn("lambda", `function:${names.of(id)}`)),
          },
          ...LOGS_AND_TRACES,
          ...keyOf(deployment.kmsKeyArn),
        ]),
      },
    ],
  });
  return new aws.sfn.StateMachine("workflow", {
    name,
    type: "STANDARD",
    roleArn: role.arn,
    definition: $resolve(arns).apply((entries) => fill(Object.fromEntries(entries), names.partition)),
    loggingConfiguration: {
      level: "ALL",
      // State carries ids only, and the log does not even have those.
      includeExecutionData: false,
      logDestination: $interpolate`${logGroup.arn}:*`,
    },
    tracingConfiguration: { enabled: true },
    ...(deployment.kmsKeyArn === undefined
      ? {}
      : {
          encryptionConfiguration: {
            type: "CUSTOMER_MANAGED_KMS_KEY",
            kmsKeyId: deployment.kmsKeyArn,
            kmsDataKeyReusePeriodSeconds: 300,
          },
        }),
  });
}

/** Log delivery and traces are of the account: AWS has no resource for them. */
const LOGS_AND_TRACES: readonly Statement[] = [
  {
    Effect: "Allow",
    Action: [
      "logs:CreateLogDelivery",
      "logs:GetLogDelivery",
      "logs:UpdateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies",
      "logs:DescribeLogGroups",
    ],
    Resource: ["*"],
  },
  {
    Effect: "Allow",
    Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
    Resource: ["*"],
  },
];

function keyOf(kmsKeyArn: string | undefined): readonly Statement[] {
  if (kmsKeyArn === undefined) return [];
  return [{ Effect: "Allow", Action: ["kms:Decrypt", "kms:GenerateDataKey"], Resource: [kmsKeyArn] }];
}

function trustOf(account: string, stateMachineArn: string): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: "sts:AssumeRole",
        Principal: { Service: "states.amazonaws.com" },
        Condition: {
          StringEquals: { "aws:SourceAccount": account },
          ArnEquals: { "aws:SourceArn": stateMachineArn },
        },
      },
    ],
  });
}

/** Service integrations, too, are of a partition: an execution with those of another one dies at its first task. */
function fill(values: Readonly<Record<string, string>>, partition: string): string {
  const unused = new Set(Object.keys(values));
  const text = JSON.stringify(definition).replace(/\$\{(\w+)\}/g, (_all, placeholder: string) => {
    const value = values[placeholder];
    if (value === undefined) throw new Error(`${STATE_MACHINE.file}: the blueprint does not know \${${placeholder}}.`);
    unused.delete(placeholder);
    return value;
  });
  if (unused.size > 0) throw new Error(`${STATE_MACHINE.file} has no \${${[...unused].join("}, ${")}}.`);
  return text.replaceAll('"arn:aws:states:::', `"arn:${partition}:states:::`);
}
