import {
  DRIVER_FUNCTIONS,
  FUNCTIONS,
  type FunctionName,
  HEARTBEAT_SECRET_NAME,
  ROTATION_BUS,
  STATE_MACHINE,
  TOPICS,
} from "../core/blueprint.ts";
import type { Deployment } from "../core/deployment.ts";
import type { Policy } from "../core/policies.ts";
import { ON_FAILURE } from "../core/triggers.ts";
import type { Names } from "./names.ts";

/** One statement of an IAM policy. */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface Grants {
  readonly names: Names;
  /** With the ARNs of their secrets, not the names. */
  readonly policies: readonly Policy[];
  readonly deployment: Deployment;
}

/** The longest inline policy of a role (IAM quotas), in characters. */
const LONGEST_POLICY = 10_240;

/**
 * What a function's role allows: the actions of its row in the blueprint, on what its policies name; what AWS needs to run it
 * (log, network, destination); and the declared keys.
 *
 * @throws Error when it is longer than IAM takes, naming the function and how many policies there are
 */
export function permissionsOf(name: FunctionName, grants: Grants): readonly Statement[] {
  const statements = [
    ...actionsOf(name, grants),
    ...keysOf(name, grants),
    ...failuresOf(name, grants),
    ...logsOf(name, grants),
    ...networkOf(name, grants),
  ];
  const { length } = policyDocument(statements);
  if (length <= LONGEST_POLICY) return statements;
  throw new Error(
    `rotation.config: the ${grants.policies.length} policies need ${length} characters of IAM policy for function ${name}, and a role may have ${LONGEST_POLICY}. Deploy fewer policies from one project, or give secrets shorter names. Nothing was deployed.`,
  );
}

/** Builds every role's policy, so that what is too long for IAM is known before anything is created. */
export function checkPermissions(grants: Grants): void {
  for (const name of Object.keys(FUNCTIONS) as FunctionName[]) permissionsOf(name, grants);
}

export function policyDocument(statements: readonly Statement[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

/** The network that a function stands in; undefined for none. */
export function networkFor(name: FunctionName, { network }: Deployment): Deployment["network"]["postgresql"] {
  if (name === "dependents") return network.dependents;
  return DRIVER_FUNCTIONS.includes(name) ? network.postgresql : undefined;
}

// --- internal ---

/** One statement for each set of resources. */
function actionsOf(name: FunctionName, grants: Grants): readonly Statement[] {
  const byResources = new Map<string, { readonly actions: string[]; readonly resources: readonly string[] }>();
  const actions = [...FUNCTIONS[name].actions, ...(IMPLIED[name] ?? [])];
  for (const action of actions) {
    for (const resources of resourcesOf(name, action, grants).filter(({ length }) => length > 0)) {
      const key = resources.join(" ");
      const known = byResources.get(key);
      if (known === undefined) byResources.set(key, { actions: [action], resources });
      else known.actions.push(action);
    }
  }
  const administrators = administratorsOf(grants);
  return [
    ...[...byResources.values()].map(({ actions, resources }) => allow(actions, resources)),
    ...(READS_ADMINISTRATORS.includes(name) && administrators.length > 0
      ? [allow(["secretsmanager:GetSecretValue"], administrators)]
      : []),
  ];
}

/** What AWS asks of the caller besides the action itself. RotateSecret's reference: also InvokeFunction on the rotation function. */
const IMPLIED: Readonly<Partial<Record<FunctionName, readonly string[]>>> = { dispatch: ["lambda:InvokeFunction"] };

/** They change the target's users, for which a strategy may need an administrator. */
const READS_ADMINISTRATORS: readonly FunctionName[] = ["rotate", "roll-back"];
const WRITES_VALUES: readonly FunctionName[] = ["gate", "rotate"];

/** Sets of ARNs. The same set is named once in a role's policy, whose length is limited. */
function resourcesOf(name: FunctionName, action: string, grants: Grants): readonly (readonly string[])[] {
  const { names, policies } = grants;
  const secrets = (some: readonly Policy[]) => some.map(({ secretId }) => secretId);
  const rotated = policies.filter(({ mode }) => mode !== "observed");
  // The six characters that AWS adds are known only once it is there.
  const heartbeat = [names.arn("secretsmanager", `secret:${names.of(HEARTBEAT_SECRET_NAME)}-??????`)];
  const machine = names.of(STATE_MACHINE.name);
  const own = secrets(name === "gate" ? rotated : policies);
  switch (action) {
    case "secretsmanager:ListSecrets":
      return [["*"]];
    case "secretsmanager:DescribeSecret":
    case "secretsmanager:ListSecretVersionIds":
      // What Secrets Manager or others have left half-way is found in secrets that no policy names, too.
      if (name === "reconcile") return [[names.arn("secretsmanager", "secret:*")]];
      return name === "dispatch" ? [own, heartbeat] : [own];
    case "secretsmanager:TagResource":
      return name === "reconcile" ? [heartbeat] : [own, heartbeat];
    case "secretsmanager:PutSecretValue":
      return [secrets(rotated)];
    case "secretsmanager:RotateSecret":
    case "secretsmanager:GetSecretValue":
    case "secretsmanager:UpdateSecretVersionStage":
    case "secretsmanager:UntagResource":
      return [own];
    case "states:StartExecution":
    case "states:ListExecutions":
      return [[names.arn("states", `stateMachine:${machine}`)]];
    case "states:DescribeExecution":
    case "states:GetExecutionHistory":
      return [[names.arn("states", `execution:${machine}:*`)]];
    case "events:PutEvents":
      return [[names.arn("events", `event-bus/${names.of(ROTATION_BUS)}`)]];
    case "sns:Publish":
      return [TOPICS.map((topic) => names.arn("sns", names.of(`${ROTATION_BUS}-${topic}`)))];
    case "lambda:InvokeFunction":
      return [INVOKED[name]?.map((each) => names.arn("lambda", `function:${names.of(each)}`)) ?? []];
    default:
      throw new Error(
        `core/blueprint.ts: on what function ${name} may call ${action} is not said in stacks/permissions.ts.`,
      );
  }
}

const INVOKED: Readonly<Partial<Record<FunctionName, readonly FunctionName[]>>> = {
  dispatch: ["gate"],
  reconcile: ["roll-back", "reconcile"],
};

/** The secrets' own keys, through Secrets Manager only; and the deployment's, through the services that use it. */
function keysOf(name: FunctionName, { names, policies, deployment }: Grants): readonly Statement[] {
  const statements: Statement[] = [];
  const secretKeys = [...new Set(policies.flatMap(({ kmsKeyArn }) => kmsKeyArn ?? []))];
  if (secretKeys.length > 0 && DRIVER_FUNCTIONS.includes(name)) {
    const actions = WRITES_VALUES.includes(name) ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"];
    statements.push(allow(actions, secretKeys, via(names, ["secretsmanager"])));
  }
  const services = deployment.kmsKeyArn === undefined ? [] : keyServicesOf(name);
  if (deployment.kmsKeyArn !== undefined && services.length > 0) {
    statements.push(allow(["kms:Decrypt", "kms:GenerateDataKey"], [deployment.kmsKeyArn], via(names, services)));
  }
  return statements;
}

function keyServicesOf(name: FunctionName): readonly string[] {
  const services = FUNCTIONS[name].actions.map((action) => action.split(":")[0] ?? "");
  const sends = ON_FAILURE.functions.includes(name) ? ["sqs"] : [];
  return [...new Set([...services.filter((service) => service === "states" || service === "sns"), ...sends])];
}

function via({ region }: Names, services: readonly string[]): Statement["Condition"] {
  return { StringEquals: { "kms:ViaService": services.map((service) => `${service}.${region}.amazonaws.com`) } };
}

/** Lambda sends what the function failed on by the function's role. */
function failuresOf(name: FunctionName, { names }: Grants): readonly Statement[] {
  if (!ON_FAILURE.functions.includes(name)) return [];
  return [allow(["sqs:SendMessage"], [names.arn("sqs", names.of(ON_FAILURE.destination))])];
}

function logsOf(name: FunctionName, { names }: Grants): readonly Statement[] {
  const group = names.arn("logs", `log-group:/aws/lambda/${names.of(name)}:*`);
  return [allow(["logs:CreateLogStream", "logs:PutLogEvents"], [group])];
}

/** Lambda makes network interfaces by the function's role; the function's own code may not. */
function networkOf(name: FunctionName, { names, deployment }: Grants): readonly Statement[] {
  if (networkFor(name, deployment) === undefined) return [];
  const actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ];
  const itself = { ArnEquals: { "lambda:SourceFunctionArn": names.arn("lambda", `function:${names.of(name)}`) } };
  return [allow(actions, ["*"]), { Effect: "Deny", Action: actions, Resource: ["*"], Condition: itself }];
}

function administratorsOf({ policies }: Grants): readonly string[] {
  return [...new Set(policies.flatMap(({ administratorSecretId }) => administratorSecretId ?? []))];
}

function allow(Action: readonly string[], Resource: readonly string[], Condition?: Statement["Condition"]): Statement {
  return { Effect: "Allow", Action, Resource, ...(Condition === undefined ? {} : { Condition }) };
}
