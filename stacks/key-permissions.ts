import { FUNCTIONS, type FunctionName } from "../core/blueprint.ts";
import type { DeployedFunction } from "../core/deployed-functions.ts";
import { ON_FAILURE } from "../core/triggers.ts";
import { administered, type Grants, ofEngine, ownPolicies } from "./grants.ts";
import type { Names } from "./names.ts";
import { allow, type Statement } from "./statement.ts";

/** The keys of the secrets whose values it reads, through Secrets Manager only; and the deployment's, through the services that use it. */
export function keysOf(fn: DeployedFunction, grants: Grants): readonly Statement[] {
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

// --- internal ---

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
