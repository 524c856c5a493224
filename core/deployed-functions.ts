import { FUNCTIONS, type FunctionName } from "./blueprint.ts";
import { DEFAULT_ENGINE, DRIVER_FUNCTIONS, ENGINES, type Engine, strategyBlueprint } from "./engines.ts";
import type { Policy } from "./policies.ts";

/** What a function is called in a deployment: its name in the blueprint, with its engine's suffix. */
export type FunctionId = FunctionName | `${(typeof DRIVER_FUNCTIONS)[number]}${(typeof ENGINES)[Engine]["suffix"]}`;

/** A function as it is deployed. */
export interface DeployedFunction {
  readonly id: FunctionId;
  readonly name: FunctionName;
  /** The engine whose driver it carries. Absent: it reaches no target. */
  readonly engine?: Engine;
}

/** Every function that a deployment of some engines has; PostgreSQL's are always there. Pure. */
export function deployedFunctions(engines: Iterable<Engine>): readonly DeployedFunction[] {
  const others = [...new Set(engines)].filter((engine) => engine !== DEFAULT_ENGINE).sort();
  const base = (Object.keys(FUNCTIONS) as FunctionName[]).map(
    (name): DeployedFunction => (isDriver(name) ? { id: name, name, engine: DEFAULT_ENGINE } : { id: name, name }),
  );
  const own = others.flatMap((engine) =>
    DRIVER_FUNCTIONS.map((name): DeployedFunction => ({ id: `${name}${ENGINES[engine].suffix}`, name, engine })),
  );
  return [...base, ...own];
}

/** The engine of a policy's functions. Without a strategy, and for one that nobody knows, they are those that are always there. Pure. */
export function engineOf({ strategy }: Pick<Policy, "strategy">): Engine {
  return strategyBlueprint(strategy)?.engine ?? DEFAULT_ENGINE;
}

/** What the names of a policy's own `gate`, `rotate` and `roll-back` end with. Pure. */
export function functionSuffix(policy: Pick<Policy, "strategy">): string {
  return ENGINES[engineOf(policy)].suffix;
}

// --- internal ---

function isDriver(name: FunctionName): boolean {
  return (DRIVER_FUNCTIONS as readonly string[]).includes(name);
}
