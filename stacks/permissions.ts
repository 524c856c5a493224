import {
  FUNCTIONS,
  type FunctionName,
  HEARTBEAT_SECRET_NAME,
  ROTATION_BUS,
  STATE_MACHINE,
  TOPICS,
} from "../core/blueprint.ts";
import { dependentGrants } from "../core/dependent-grants.ts";
import { type DeployedFunction, deployedFunctions, engineOf } from "../core/deployed-functions.ts";
import type { Deployment } from "../core/deployment.ts";
import { DEFAULT_ENGINE, ENGINES, type Engine, type EngineBlueprint } from "../core/engines.ts";
import type { Policy } from "../core/policies.ts";
import { ON_FAILURE } from "../core/triggers.ts";
import { undeployable } from "../core/undeployable.ts";
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

/** The functions that a stage's policies need. */
export function functionsOf({ policies }: Pick<Grants, "policies">): readonly DeployedFunction[] {
  return deployedFunctions(policies.map(engineOf));
}

export function policyDocument(statements: readonly Statement[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
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

/** What only the functions of its engine call. */
function ofEngine({ name, engine }: DeployedFunction): readonly string[] {
  const { actions }: EngineBlueprint = ENGINES[engine ?? DEFAULT_ENGINE];
  return actions?.[name] ?? [];
}

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

/** They change the target's users, for which a strategy may need an administrator. */
const READS_ADMINISTRATORS: readonly FunctionName[] = ["rotate", "roll-back"];

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
      return TOPICS.map((topic) => names.arn("sns", names.of(`${ROTATION_BUS}-${topic}`)));
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

/**
 * The policies whose secrets a function has to do with. Secrets Manager calls the gate only for what Rotor rotates. And what no plan
 * was made for is tidied up by the roll-back that is always there, whatever its engine.
 */
function ownPolicies({ name, engine }: DeployedFunction, { policies }: Grants): readonly Policy[] {
  if (engine === undefined || (name === "roll-back" && engine === DEFAULT_ENGINE)) return policies;
  const own = policies.filter((policy) => engineOf(policy) === engine);
  return name === "gate" ? own.filter(isRotated) : own;
}

function isRotated({ mode }: Policy): boolean {
  return mode !== "observed";
}

const INVOKED: Readonly<Partial<Record<FunctionName, readonly FunctionName[]>>> = {
  dispatch: ["gate"],
  plan: ["dependents"],
  reconcile: ["roll-back", "reconcile"],
};

/** The keys of the secrets whose values it reads, through Secrets Manager only; and the deployment's, through the services that use it. */
function keysOf(fn: DeployedFunction, grants: Grants): readonly Statement[] {
  const { name, engine } = fn;
  const { names, deployment } = grants;
  const read = ownPolicies(fn, grants).filter(({ strategy }) => strategy !== undefined);
  const secretKeys = [...new Set(read.flatMap(({ kmsKeyArn }) => kmsKeyArn ?? []))];
  // What a function may use as a secret's own key it need not be given again.
  const administratorKeys = [
    ...new Set(administered(fn, grants).flatMap(({ administratorKmsKeyArn }) => administratorKmsKeyArn ?? [])),
  ].filter((each) => !secretKeys.includes(each));
  const key = deployment.kmsKeyArn;
  const [writes, reads] = keyServicesOf(name);
  return [
    ...(secretKeys.length > 0 && engine !== undefined
      ? [allow(writesValues(fn) ? ENCRYPT : DECRYPT, secretKeys, via(names, ["secretsmanager"]))]
      : []),
    ...(administratorKeys.length > 0 ? [allow(DECRYPT, administratorKeys, via(names, ["secretsmanager"]))] : []),
    ...(key === undefined ? [] : [allow(ENCRYPT, [key], via(names, writes))]),
    ...(key === undefined || reads.length === 0 ? [] : [allow(DECRYPT, [key], via(names, reads))]),
  ];
}

const DECRYPT = ["kms:Decrypt"];
const ENCRYPT = ["kms:Decrypt", "kms:GenerateDataKey"];

function writesValues(fn: DeployedFunction): boolean {
  const actions: readonly string[] = FUNCTIONS[fn.name].actions;
  return [...actions, ...ofEngine(fn)].includes("secretsmanager:PutSecretValue");
}

/** The services that encrypt with the deployment's key what a function sends them, and those that only give it something to read. */
function keyServicesOf(name: FunctionName): readonly [writes: readonly string[], reads: readonly string[]] {
  const actions: readonly string[] = FUNCTIONS[name].actions;
  const sends = ON_FAILURE.functions.includes(name) ? ["sqs"] : [];
  const publishes = actions.includes("sns:Publish") ? ["sns"] : [];
  const starts = actions.includes("states:StartExecution") ? ["states"] : [];
  const looks = starts.length === 0 && actions.some((action) => action.startsWith("states:")) ? ["states"] : [];
  return [["logs", ...starts, ...publishes, ...sends], looks];
}

function via({ region }: Names, services: readonly string[]): Statement["Condition"] {
  return { StringEquals: { "kms:ViaService": services.map((service) => `${service}.${region}.amazonaws.com`) } };
}

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

/** The policies of its engine, if it acts as their administrators. */
function administered({ name, engine }: DeployedFunction, { policies }: Grants): readonly Policy[] {
  return READS_ADMINISTRATORS.includes(name) ? policies.filter((policy) => engineOf(policy) === engine) : [];
}

function allow(Action: readonly string[], Resource: readonly string[], Condition?: Statement["Condition"]): Statement {
  return { Effect: "Allow", Action, Resource, ...(Condition === undefined ? {} : { Condition }) };
}

function deny(action: string, Condition: Statement["Condition"]): Statement {
  return { Effect: "Deny", Action: [action], Resource: ["*"], ...(Condition === undefined ? {} : { Condition }) };
}
