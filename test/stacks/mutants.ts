/** One fault in the stacks. The tests, or the evaluation itself, have to notice it. */
export interface Mutant {
  readonly fault: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly from: string;
  readonly to: string;
  /** Default: production. */
  readonly stage?: "dev";
  /** What has to notice: a part of a failed test's name, or of what the evaluation says. */
  readonly noticedBy: string;
}

const IAM = "may do what the table says, on what it says, and nothing else";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "plan may read values",
    file: "stacks/permissions.ts",
    from: "const actions = [...FUNCTIONS[name].actions, ",
    to: 'const actions = [...FUNCTIONS[name].actions, ...(name === "plan" ? ["secretsmanager:GetSecretValue"] : []), ',
    noticedBy: "only gate, rotate and roll-back may read a value",
  },
  {
    fault: "values of observed secrets may be written",
    file: "stacks/permissions.ts",
    from: 'policies.filter(({ mode }) => mode !== "observed");',
    to: "policies;",
    noticedBy: IAM,
  },
  {
    fault: "the heartbeat's name grants every secret that begins like it",
    file: "stacks/permissions.ts",
    from: "secret:${names.of(HEARTBEAT_SECRET_NAME)}-??????",
    to: "secret:${names.of(HEARTBEAT_SECRET_NAME)}*",
    noticedBy: IAM,
  },
  {
    fault: "a rotation is bound to the secret's name",
    file: "stacks/secrets.ts",
    from: "{ secretId, rotationLambdaArn",
    to: '{ secretId: secretId.split(":secret:")[1]?.slice(0, -7) ?? secretId, rotationLambdaArn',
    noticedBy: "native policies have the gate",
  },
  {
    fault: "a rotation that is replaced ends with its cancellation",
    file: "stacks/secrets.ts",
    from: ", deleteBeforeReplace: true",
    to: "",
    noticedBy: "a rotation is bound to the ARN",
  },
  {
    fault: "an administrator's secret is read by every function",
    file: "stacks/permissions.ts",
    from: "READS_ADMINISTRATORS.includes(name) && administrators",
    to: "administrators",
    noticedBy: IAM,
  },
  {
    fault: "keys may be used directly",
    file: "stacks/permissions.ts",
    from: "allow(actions, secretKeys, via(names, [",
    to: "allow(actions, secretKeys, undefined ?? via(names, [`states`, ",
    noticedBy: "a key is used through the service that needs it",
  },
  {
    fault: "the function's own code may make network interfaces",
    file: "stacks/permissions.ts",
    from: 'return [allow(actions, ["*"]), { Effect: "Deny", Action: actions, Resource: ["*"], Condition: itself }];',
    to: 'return [allow(actions, ["*"])].filter(() => itself);',
    noticedBy: "the function's own code may not make network interfaces",
  },
  {
    fault: "the state machine may invoke every function",
    file: "stacks/workflow.ts",
    from: "Resource: invoked.map(",
    to: 'Resource: ["*"].concat(invoked).map(',
    noticedBy: IAM,
  },
  {
    fault: "any state machine of the account may take the role",
    file: "stacks/workflow.ts",
    from: 'ArnEquals: { "aws:SourceArn": stateMachineArn }',
    to: 'ArnLike: { "aws:SourceArn": `${stateMachineArn}*` }',
    noticedBy: "a function's role is trusted by Lambda alone",
  },
  {
    fault: "SST's own trust: the whole account",
    file: "stacks/functions.ts",
    from: 'role.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });',
    to: "",
    noticedBy: "a function's role is trusted by Lambda alone",
  },
  {
    fault: "SST's managed policies",
    file: "stacks/functions.ts",
    from: "role.managedPolicyArns = [];",
    to: "",
    noticedBy: "none has a managed policy",
  },
  {
    fault: "a target without dead letters",
    file: "stacks/events.ts",
    from: "deadLetterConfig: { arn: deadLetters.arn },",
    to: "",
    noticedBy: "every rule has one target on its own bus, with retries and dead letters",
  },
  {
    fault: "the queue refuses the schedule's dead letters",
    file: "stacks/events.ts",
    from: "...SCHEDULES.map(({ name }) => ruleArn(",
    to: "...SCHEDULES.slice(1).map(({ name }) => ruleArn(",
    noticedBy: "the queue takes messages of exactly these rules",
  },
  {
    fault: "EventBridge of any account may call the functions",
    file: "stacks/events.ts",
    from: "sourceArn: rule.arn,",
    to: "",
    noticedBy: "every rule may call its function",
  },
  {
    fault: "the pattern's placeholders are mixed up",
    file: "stacks/index.ts",
    from: "{ StateMachineArn: workflow.arn, HeartbeatSecretArn: heartbeat.arn }",
    to: "{ StateMachineArn: heartbeat.arn, HeartbeatSecretArn: workflow.arn }",
    stage: "dev",
    noticedBy: "the fixtures are all decided as they are meant",
  },
  {
    fault: "everybody may put events on the rotation bus",
    file: "stacks/events.ts",
    from: "Principal: { AWS: accounts.map((account) => `arn:${names.partition}:iam::${account}:root`) },",
    to: 'Principal: "*",',
    noticedBy: "the rotation bus takes two events of declared accounts",
  },
  {
    fault: "declared accounts may ask for rotations",
    file: "stacks/events.ts",
    from: 'StringEquals: { "events:source": EVENT_SOURCE, "events:detail-type": REHEARSED }',
    to: 'StringEquals: { "events:source": EVENT_SOURCE }',
    noticedBy: "the rotation bus takes two events of declared accounts",
  },
  {
    fault: "a deployment rotates every secret at once",
    file: "stacks/secrets.ts",
    from: "rotateImmediately: false",
    to: "rotateImmediately: true",
    noticedBy: "do not rotate at once",
  },
  {
    fault: "rotation is turned on before Secrets Manager may call the gate",
    file: "stacks/secrets.ts",
    from: "{ dependsOn: [permission] }",
    to: "{ dependsOn: [permission].slice(1) }",
    noticedBy: "Secrets Manager may call the gate before any secret is given it",
  },
  {
    fault: "Secrets Manager of any account may call the gate",
    file: "stacks/secrets.ts",
    from: "sourceAccount: names.account,",
    to: "",
    noticedBy: "nothing but rules of this account, and Secrets Manager, may",
  },
  {
    fault: "the log has what states carry",
    file: "stacks/workflow.ts",
    from: "includeExecutionData: false",
    to: "includeExecutionData: true",
    noticedBy: "logs every event without what states carry",
  },
  {
    fault: "a function outlives its task",
    file: "stacks/functions.ts",
    from: "timeout: `${timeoutSeconds} seconds`",
    to: "timeout: `${Math.min(900, timeoutSeconds * 2)} seconds`",
    noticedBy: "SDK request < Lambda < task",
  },
  {
    fault: "a password in the environment",
    file: "stacks/index.ts",
    from: "STAGE: $app.stage,",
    to: 'STAGE: "hunter2",',
    noticedBy: "have nothing in their environment but names, ARNs, the stage and a digest",
  },
  {
    fault: "what dispatch fails on is lost",
    file: "stacks/functions.ts",
    from: "for (const name of ON_FAILURE.functions)",
    to: "for (const name of ON_FAILURE.functions.slice(1))",
    noticedBy: "that events call have a destination for what they fail on",
  },
  {
    fault: "logs are kept for ever",
    file: "stacks/functions.ts",
    from: "retentionInDays: logRetention(), ",
    to: "",
    noticedBy: "write to a log of their own, which is kept for a limited time",
  },
  {
    fault: "the alarm of ROLLBACK_FAILED is deaf for observed rotations",
    file: "stacks/monitoring.ts",
    from: 'const MODES = ["native", "driven", "observed"];',
    to: 'const MODES = ["native", "driven"];',
    noticedBy: "ROLLBACK_FAILED rings at the first, in every mode",
  },
  {
    fault: "a missing heartbeat does not ring",
    file: "stacks/monitoring.ts",
    from: 'below === true ? "breaching" : "notBreaching"',
    to: '"notBreaching"',
    noticedBy: "silence rings only for the heartbeat",
  },
  {
    fault: "an alarm looks at a metric that nobody writes",
    file: "stacks/metrics.ts",
    from: "dimensions: { stage: $app.stage }, stat",
    to: "dimensions: { Stage: $app.stage }, stat",
    noticedBy: "each looks at something that is there",
  },
  {
    fault: "names without the stage",
    file: "stacks/names.ts",
    from: "const name = `${$app.name}-${$app.stage}-${thing}`;",
    to: "const name = `${$app.name}-${thing}`;",
    noticedBy: "everything that has a name begins it with app and stage",
  },
  {
    fault: "production is not protected",
    file: "sst.config.ts",
    from: "protect: production,",
    to: "protect: false,",
    noticedBy: "production is protected",
  },
  {
    fault: "a placeholder of the definition that the blueprint calls otherwise",
    file: "core/blueprint.ts",
    from: 'PlanFunctionArn: "plan"',
    to: 'PlannerFunctionArn: "plan"',
    noticedBy: "the blueprint does not know ${PlanFunctionArn}",
  },
  {
    fault: "a top-level import, which the CLI refuses",
    file: "sst.config.ts",
    from: "export default $config({",
    to: 'import { createRotor as early } from "./stacks/index.ts";\nvoid early;\nexport default $config({',
    noticedBy: "sst.config.ts has a top-level import",
  },
];
