import regressions from "./regressions.json" with { type: "json" };
import { drawScenario, RETRY_FORMS, type Scenario } from "./scenario.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The seeds of this run: so many, one after the other. */
    seeds: { readonly first: number; readonly count: number; readonly onPostgres: number };
  }
}

export type Seeds = { readonly first: number; readonly count: number; readonly onPostgres: number };

/** ROTOR_SEED plays one seed, on the fake; ROTOR_FIRST_SEED and ROTOR_RUNS choose others than 10,000 that begin anywhere. */
export function readSeeds(environment: Readonly<Record<string, string | undefined>>): Seeds {
  const one = environment["ROTOR_SEED"];
  if (one !== undefined) return { first: Number(one), count: 1, onPostgres: 0 };
  return {
    first: Number(environment["ROTOR_FIRST_SEED"] ?? Math.floor(Math.random() * 2 ** 30)),
    count: Number(environment["ROTOR_RUNS"] ?? 10_000),
    onPostgres: Number(environment["ROTOR_POSTGRES_RUNS"] ?? 200),
  };
}

/**
 * The scenarios of one retry form, so that each shard needs one kind of account: of what once broke a promise, three times
 * over because threads take part in it, and of the seeds.
 */
export function scenariosOf({ first, count }: Seeds, shard: number): readonly Scenario[] {
  const drawn = Array.from({ length: count }, (_, index) => first + index).map(drawScenario);
  const known = count === 1 ? [] : (regressions as readonly { readonly scenario: unknown }[]);
  const again = known.flatMap(({ scenario }) => [scenario, scenario, scenario] as readonly Scenario[]);
  return [...again, ...drawn].filter(({ retryForm }) => retryForm === RETRY_FORMS[shard]);
}
