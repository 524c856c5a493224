import type { Run, Step } from "../../core/history.ts";
import type { WireEvent } from "../wire.ts";
import type { Definition } from "./definition.ts";
import { objectOf, textOf } from "./payload.ts";

/** Which states of the main line a run has entered, and from where. */
export interface Visits {
  readonly steps: ReadonlyMap<string, Step>;
  /** By `edgeKey`: which state was entered after which. */
  readonly edges: ReadonlySet<string>;
}

/** Names of states are unique in a definition, so that an event of the main line is known by its state's. Pure. */
export function visitsOf(run: Run, events: readonly WireEvent[], definition: Definition): Visits {
  const main = run.steps.filter(({ iteration, name }) => iteration === undefined && definition.states.has(name));
  const edges = new Set<string>();
  let last: string | undefined;
  for (const event of events) {
    const name = textOf(objectOf(event["stateEnteredEventDetails"])["name"]);
    if (name === undefined || !definition.states.has(name)) continue;
    if (last !== undefined) edges.add(edgeKey(last, name));
    last = name;
  }
  return { steps: new Map(main.map((step) => [step.name, step])), edges };
}

export function edgeKey(from: string, to: string): string {
  return `${from}${BETWEEN}${to}`;
}

export function edgeEnds(key: string): readonly string[] {
  return key.split(BETWEEN);
}

/** No state's name has it. */
const BETWEEN = "\u0000";
