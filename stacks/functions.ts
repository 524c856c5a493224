import { FUNCTIONS, type FunctionName } from "../core/blueprint.ts";
import type { DeployedFunction, FunctionId } from "../core/deployed-functions.ts";
import { ENGINES, type Engine } from "../core/engines.ts";
import { definitionDigest } from "../core/rehearsal.ts";
import { ON_FAILURE } from "../core/triggers.ts";
import definition from "../statemachines/rotation.asl.json";
import { functionsOf, type Grants } from "./grants.ts";
import { isProduction, logRetention } from "./names.ts";
import { networkFor, permissionsOf } from "./permissions.ts";
import { policyDocument } from "./statement.ts";

type Variable = (typeof FUNCTIONS)[FunctionName]["environment"][number];

/** What the functions are told. Variables with a default of their own are left to it. */
export type Environment = Readonly<Partial<Record<Variable, $util.Input<string>>>>;

/** Those of engines that no policy needs are not there. */
export type Functions = ReadonlyMap<FunctionId, sst.aws.Function>;

export const DEFINITION_DIGEST = definitionDigest(JSON.stringify(definition));

/** Never a link: its permissions are wider than what a function calls. */
export function createFunctions(grants: Grants, environment: Environment, deadLetters: aws.sqs.Queue): Functions {
  const functions = new Map(functionsOf(grants).map((fn) => [fn.id, createFunction(fn, grants, environment)]));
  for (const name of ON_FAILURE.functions) {
    new aws.lambda.FunctionEventInvokeConfig(`${name}-on-failure`, {
      functionName: requireFunction(functions, name).name,
      maximumRetryAttempts: ON_FAILURE.maximumRetryAttempts,
      destinationConfig: { onFailure: { destination: deadLetters.arn } },
    });
  }
  return functions;
}

/** @throws Error for one that the blueprint, or the deployment, does not have */
export function requireFunction(functions: Functions, id: string): sst.aws.Function {
  const found = functions.get(id as FunctionId);
  if (found === undefined) throw new Error(`The deployment has no function ${id}.`);
  return found;
}

function createFunction(fn: DeployedFunction, grants: Grants, environment: Environment): sst.aws.Function {
  const { id, name, engine } = fn;
  const { file, timeoutSeconds, memoryMegabytes, environment: variables } = FUNCTIONS[name];
  const { names, deployment } = grants;
  const fullName = names.of(id);
  const network = networkFor(fn, deployment);
  const logGroup = new aws.cloudwatch.LogGroup(
    `${id}-logs`,
    { name: `/aws/lambda/${fullName}`, retentionInDays: logRetention(), kmsKeyId: deployment.kmsKeyArn },
    { retainOnDelete: isProduction() },
  );
  return new sst.aws.Function(id, {
    name: fullName,
    handler: file.replace(/\.ts$/, ".handler"),
    runtime: "nodejs24.x",
    architecture: "arm64",
    timeout: `${timeoutSeconds} seconds`,
    memory: `${memoryMegabytes} MB`,
    environment: {
      ...Object.fromEntries(
        variables.flatMap((variable) => {
          const value = variable === "ENGINE" ? engine : environment[variable];
          return value === undefined ? [] : [[variable, value]];
        }),
      ),
      ...(engine === undefined ? {} : { NODE_EXTRA_CA_CERTS: AMAZON_AUTHORITIES }),
    },
    vpc: network && { privateSubnets: network.subnetIds, securityGroups: network.securityGroupIds },
    logging: { logGroup: logGroup.name, format: "json" },
    // `sst dev` would run it on a laptop, with a wider role.
    dev: false,
    nodejs: { minify: true, esbuild: { external: externalsOf(fn) } },
    transform: {
      role: (role) => {
        role.name = names.acrossRegions(id);
        // The component's own trusts the whole account, and its managed policies write to every log.
        role.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });
        role.managedPolicyArns = [];
        role.inlinePolicies = [{ name: "permissions", policy: policyDocument(permissionsOf(fn, grants)) }];
      },
    },
  });
}

/** Node trusts Amazon's own authorities, and so RDS, only when told (AWS Lambda, "Building Lambda functions with Node.js"). */
const AMAZON_AUTHORITIES = "/var/runtime/ca-cert.pem";

/**
 * Modules that the SDK imports only when it needs them, and here it never does. On Lambda the credentials are in the environment:
 * its other ways to find some are not taken. And no operation that is called has a stream of events; only the client of Lambda
 * imports the module for those as soon as it is loaded. test/stacks/externals.ts looks that no bundle lacks what it loads.
 */
function externalsOf({ name, engine }: DeployedFunction): string[] {
  const actions: readonly string[] = FUNCTIONS[name].actions;
  const hasLambda = name === "dependents" || engine === "lambda" || actions.includes("lambda:InvokeFunction");
  return [
    ...CREDENTIALS,
    ...(hasLambda ? [] : ["@smithy/core/event-streams"]),
    // Every strategy is in the bundle, and asks for its driver when it is used: a function serves those of its engine.
    ...(Object.keys(ENGINES) as Engine[]).filter((each) => engine !== undefined && each !== engine).map(driverOf),
  ];
}

function driverOf(engine: Engine): string {
  return ENGINES[engine].driver;
}

const CREDENTIALS = [
  "@aws-sdk/credential-provider-http",
  "@aws-sdk/credential-provider-ini",
  "@aws-sdk/credential-provider-process",
  "@aws-sdk/credential-provider-sso",
  "@aws-sdk/credential-provider-web-identity",
  "@smithy/credential-provider-imds",
];
