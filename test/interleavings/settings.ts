import { askedNumber } from "../support/asked.ts";
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
export function readSeeds(): Seeds {
  const one = askedNumber("ROTOR_SEED", undefined, 0);
  if (one !== undefined) return { first: one, count: 1, onPostgres: 0 };
  return {
    first: askedNumber("ROTOR_FIRST_SEED", Math.floor(Math.random() * 2 ** 30), 0),
    count: askedNumber("ROTOR_RUNS", 10_000),
    onPostgres: askedNumber("ROTOR_POSTGRES_RUNS", 200, 0),
  };
}

/** The scenarios of one retry form, so that each shard needs one kind of account. */
export interface Scenarios {
  /** Of what once broke a promise: three times over, because threads take part in it. None where one seed is asked for. */
  readonly kept: readonly Scenario[];
  /** Of the seeds. */
  readonly drawn: readonly Scenario[];
}

export function scenariosOf({ first, count }: Seeds, shard: number): Scenarios {
  const isMine = ({ retryForm }: Scenario) => retryForm === RETRY_FORMS[shard];
  const known = count === 1 ? [] : (regressions as readonly { readonly scenario: unknown }[]);
  return {
    kept: known.flatMap(({ scenario }) => [scenario, scenario, scenario] as readonly Scenario[]).filter(isMine),
    drawn: Array.from({ length: count }, (_, index) => drawScenario(first + index)).filter(isMine),
  };
}
