import * as all from "./index.ts";
import type { RotationStrategy } from "./strategy.ts";

const strategies = new Map<string, RotationStrategy>();
for (const strategy of Object.values<RotationStrategy>(all)) {
  if (strategies.has(strategy.name)) {
    throw new Error(`Two strategies are called ${strategy.name}.`);
  }
  strategies.set(strategy.name, strategy);
}

/** The strategy that a policy names, or undefined when there is none of that name. */
export function findStrategy(name: string): RotationStrategy | undefined {
  return strategies.get(name);
}

/** The names of all strategies, in alphabetical order. */
export const strategyNames: readonly string[] = [...strategies.keys()].sort();
