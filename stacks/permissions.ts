import {
  CHAT_TOPIC,
  FUNCTIONS,
  type FunctionName,
  HEARTBEAT_SECRET_NAME,
  ROTATION_BUS,
  STATE_MACHINE,
  TOPICS,
} from "../core/blueprint.ts";
import { dependentGrants } from "../core/dependent-grants.ts";
import type { DeployedFunction } from "../core/deployed-functions.ts";
import type { Deployment } from "../core/deployment.ts";
import type { Engine } from "../core/engines.ts";
import type { Policy } from "../core/policies.ts";
import { ON_FAILURE } from "../core/triggers.ts";
import { undeployable } from "../core/undeployable.ts";
import { administered, functionsOf, type Grants, isRotated, ofEngine, ownPolicies } from "./grants.ts";
import { keysOf } from "./key-permissions.ts";
import { allow, deny, policyDocument, type Statement } from "./statement.ts";

/** The longest inline policy of a role (IAM quotas), in characters. */
const LONGEST_POLICY = 10_240;

/**
 * What a function's role allows: the actions of its row in the blueprint, on what its policies name; what the policies' dependents
 * need; what AWS needs to run it (log, network, destination); and the declared keys.
 *
 * @throws RotationError ConfigurationInvalid when it is longer than IAM takes, naming the function and how many policies there are
 */
export function permissionsOf(fn: DeployedFunction, grants: Grants): readonly Statement[] {
  const statements = [
    ...actionsOf(fn, grants),
    ...dependentsOf(fn, grants),
    ...keysOf(fn, grants),
    ...failuresOf(fn, grants),
    ...logsOf(fn, grants),
    ...networkOf(fn, grants),
  ];
  const { length } = policyDocument(statements);
  if (length <= LONGEST_POLICY) return statements;
  throw undeployable("rotation.config", [
    `The ${grants.policies.length} policies of this stage need ${length} characters of IAM policy for function ${fn.id}, and a role may have ${LONGEST_POLICY}: divide them among stages, or give secrets shorter names.`,
  ]);
}

/** Builds every role's policy, so that what is too long for IAM is known before anything is created. */
export function checkPermissions(grants: Grants): void {
  for (const fn of functionsOf(grants)) permissionsOf(fn, grants);
}

/** The network that a function stands in; undefined for none. */
export function networkFor(
  { name, engine }: DeployedFunction,
  { network }: Deployment,
): Deployment["network"]["postgresql"] {
  if (name === "dependents") return network.dependents;
  const networks: Partial<Record<Engine, Deployment["network"]["postgresql"]>> = network;
  return engine === undefined ? undefined : networks[engine];
}

// --- internal ---

/** One statement for each set of resources: a role's policy is short, and no secret is named in it twice. */
function actionsOf(fn: DeployedFunction, grants: Grants): readonly Statement[] {
  const { name } = fn;
  const byAction = new Map<string, readonly string[]>();
  for (const action of [...FUNCTIONS[name].actions, ...(IMPLIED[name] ?? []), ...ofEngine(fn)]) {
    byAction.set(action, resourcesOf(fn, action, grants));
  }
  const byResource = new Map<string, string[]>();
  for (const [action, resources] of byAction) {
    for (const resource of resources) byResource.set(resource, [...(byResource.get(resource) ?? []), action]);
  }
  const byActions = new Map<string, string[]>();
  for (const [resource, actions] of byResource) {
    const key = actions.join(" ");
    byActions.set(key, [...(byActions.get(key) ?? []), resource]);
  }
  const administrators = administratorsOf(fn, grants);
  return [
    ...[...byActions].map(([actions, resources]) => allow(actions.split(" "), resources)),
    ...(administrators.length > 0 ? [allow(["secretsmanager:GetSecretValue"], administrators)] : []),
    ...[...byAction.keys()].flatMap((action) => NEVER[action] ?? []),
  ];
}

/** One function alone speaks to dependents. */
function dependentsOf({ name }: DeployedFunction, { names, policies }: Grants): readonly Statement[] {
  if (name !== "dependents") return [];
  return dependentGrants(policies, names.arn).map(({ actions, resources, condition }) =>
    allow(actions, resources, condition),
  );
}

/** What AWS asks of the caller besides the action itself. RotateSecret's reference: also InvokeFunction on the rotation function. */
const IMPLIED: Readonly<Partial<Record<FunctionName, readonly string[]>>> = { dispatch: ["lambda:InvokeFunction"] };

/** How far an action goes that is granted for less than it can do. */
const NEVER: Readonly<Record<string, readonly Statement[]>> = {
  // Who may ask for a rotation may not choose the function, nor the schedule.
  "secretsmanager:RotateSecret": [
    deny("secretsmanager:RotateSecret", { Null: { "secretsmanager:RotationLambdaARN": "false" } }),
    deny("secretsmanager:RotateSecret", { Bool: { "secretsmanager:ModifyRotationRules": "true" } }),
  ],
  // Tags give rights where an account has it so.
  ...Object.fromEntries(
    ["secretsmanager:TagResource", "secretsmanager:UntagResource"].map((action) => [
      action,
      [deny(action, { "ForAnyValue:StringNotLike": { "aws:TagKeys": ["rotor:*"] } })],
    ]),
  ),
};

/** The ARNs that a function may call an action on. */
function resourcesOf(fn: DeployedFunction, action: string, grants: Grants): readonly string[] {
  const { name } = fn;
  const { names } = grants;
  const secrets = (some: readonly Policy[]) => some.map(({ secretId }) => secretId);
  // The six characters that AWS adds are known only once it is there.
  const heartbeat = names.arn("secretsmanager", `secret:${names.of(HEARTBEAT_SECRET_NAME)}-??????`);
  const machine = names.of(STATE_MACHINE.name);
  const own = ownPolicies(fn, grants);
  switch (action) {
    case "secretsmanager:ListSecrets":
      return ["*"];
    case "secretsmanager:DescribeSecret":
    case "secretsmanager:ListSecretVersionIds":
      // What Secrets Manager or others have left half-way is found in secrets that no policy names, too.
      if (name === "reconcile") return [names.arn("secretsmanager", "secret:*")];
      return name === "dispatch" ? [...secrets(own), heartbeat] : secrets(own);
    case "secretsmanager:TagResource":
      return name === "reconcile" ? [heartbeat] : [...secrets(own), heartbeat];
    case "secretsmanager:RotateSecret":
    case "secretsmanager:UntagResource":
      return secrets(own);
    case "secretsmanager:GetSecretValue":
    case "secretsmanager:UpdateSecretVersionStage":
      return secrets(own.filter(({ strategy }) => strategy !== undefined));
    case "secretsmanager:PutSecretValue":
      // Rotations of others are taken back, too.
      return secrets(own.filter(name === "roll-back" ? ({ strategy }) => strategy !== undefined : isRotated));
    case "states:StartExecution":
    case "states:ListExecutions":
      return [names.arn("states", `stateMachine:${machine}`)];
    case "states:DescribeExecution":
    case "states:GetExecutionHistory":
      return [names.arn("states", `execution:${machine}:*`)];
    case "events:PutEvents":
      return [names.arn("events", `event-bus/${names.of(ROTATION_BUS)}`)];
    case "sns:Publish":
      return [...TOPICS, ...(grants.deployment.chat ? [CHAT_TOPIC] : [])].map((topic) =>
        names.arn("sns", names.of(`${ROTATION_BUS}-${topic}`)),
      );
    case "lambda:InvokeFunction":
      if (fn.engine === "lambda") return own.flatMap(({ rotationFunctionArn }) => rotationFunctionArn ?? []);
      return functionsOf(grants)
        .filter((each) => INVOKED[name]?.includes(each.name))
        .map(({ id }) => names.arn("lambda", `function:${names.of(id)}`));
    default:
      throw new Error(
        `core/blueprint.ts: on what function ${name} may call ${action} is not said in stacks/permissions.ts.`,
      );
  }
}

const INVOKED: Readonly<Partial<Record<FunctionName, readonly FunctionName[]>>> = {
  dispatch: ["gate"],
  plan: ["dependents"],
  reconcile: ["roll-back", "reconcile"],
};

/** Lambda sends what the function failed on by the function's role. */
function failuresOf(fn: DeployedFunction, { names }: Grants): readonly Statement[] {
  if (!ON_FAILURE.functions.includes(fn.name)) return [];
  return [allow(["sqs:SendMessage"], [names.arn("sqs", names.of(ON_FAILURE.destination))])];
}

function logsOf(fn: DeployedFunction, { names }: Grants): readonly Statement[] {
  const group = names.arn("logs", `log-group:/aws/lambda/${names.of(fn.id)}:*`);
  return [allow(["logs:CreateLogStream", "logs:PutLogEvents"], [group])];
}

/** Lambda makes network interfaces by the function's role; the function's own code may not. */
function networkOf(fn: DeployedFunction, { names, deployment }: Grants): readonly Statement[] {
  if (networkFor(fn, deployment) === undefined) return [];
  const actions = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ];
  const itself = { ArnEquals: { "lambda:SourceFunctionArn": names.arn("lambda", `function:${names.of(fn.id)}`) } };
  return [allow(actions, ["*"]), { Effect: "Deny", Action: actions, Resource: ["*"], Condition: itself }];
}

function administratorsOf(fn: DeployedFunction, grants: Grants): readonly string[] {
  return [...new Set(administered(fn, grants).flatMap(({ administratorSecretId }) => administratorSecretId ?? []))];
}
