import type { FunctionName } from "../core/blueprint.ts";
import { type DeployedFunction, deployedFunctions, engineOf } from "../core/deployed-functions.ts";
import type { Deployment } from "../core/deployment.ts";
import { DEFAULT_ENGINE, ENGINES, type EngineBlueprint } from "../core/engines.ts";
import type { Policy } from "../core/policies.ts";
import type { Names } from "./names.ts";

/** What the roles of a stage are made from. */
export interface Grants {
  readonly names: Names;
  /** With the ARNs of their secrets, not the names. */
  readonly policies: readonly Policy[];
  readonly deployment: Deployment;
}

/** The functions that a stage's policies need. */
export function functionsOf({ policies }: Pick<Grants, "policies">): readonly DeployedFunction[] {
  return deployedFunctions(policies.map(engineOf));
}

/**
 * The policies whose secrets a function has to do with. Secrets Manager calls the gate only for what Rotor rotates. And what no plan
 * was made for is tidied up by the roll-back that is always there, whatever its engine.
 */
export function ownPolicies({ name, engine }: DeployedFunction, { policies }: Grants): readonly Policy[] {
  if (engine === undefined || (name === "roll-back" && engine === DEFAULT_ENGINE)) return policies;
  const own = policies.filter((policy) => engineOf(policy) === engine);
  return name === "gate" ? own.filter(isRotated) : own;
}

export function isRotated({ mode }: Policy): boolean {
  return mode !== "observed";
}

/** The policies of its engine, if it acts as their administrators. */
export function administered({ name, engine }: DeployedFunction, { policies }: Grants): readonly Policy[] {
  return READS_ADMINISTRATORS.includes(name) ? policies.filter((policy) => engineOf(policy) === engine) : [];
}

/** What only the functions of its engine call. */
export function ofEngine({ name, engine }: DeployedFunction): readonly string[] {
  const { actions }: EngineBlueprint = ENGINES[engine ?? DEFAULT_ENGINE];
  return actions?.[name] ?? [];
}

// --- internal ---

/** They change the target's users, for which a strategy may need an administrator. */
const READS_ADMINISTRATORS: readonly FunctionName[] = ["rotate", "roll-back"];
