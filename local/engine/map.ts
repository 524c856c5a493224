import type { MapState } from "./definition.ts";
import { EvaluationError, type Json } from "./jsonata.ts";
import type { RunGraph } from "./run.ts";
import { Siblings } from "./siblings.ts";
import type { Visit } from "./visit.ts";

/** "There is no concurrency quota" means up to 40 iterations at once (AWS, "Using Map state in Inline mode"). */
const MAXIMUM_CONCURRENCY = 40;

/**
 * Runs one attempt of an inline Map and returns its iterations' outputs in the items' order.
 * @throws StateFailure of the first iteration that failed
 * @throws BranchCut
 */
export async function runMap(visit: Visit, state: MapState, runGraph: RunGraph): Promise<Json> {
  const { branch, name } = visit;
  const items = await itemsOf(visit, state);
  const limit =
    state.MaxConcurrency === undefined ? 0 : await visit.evaluateInteger(state.MaxConcurrency, "MaxConcurrency", 0);
  const started = branch.record("MapStateStarted", { length: items.length });

  const iterations = new Siblings(visit, started.id);
  const outputs: Json[] = [];
  let next = 0;
  // An iteration points to the last event inside the one that its lane ran before.
  const lane = async () => {
    let last = started.id;
    while (next < items.length && !iterations.over) {
      const index = next++;
      const item = items[index] ?? null;
      const map = { Item: { Index: index, Value: item } };
      await iterations.run(index, {
        iterationOf: name,
        last,
        map,
        async run(child) {
          child.record("MapIterationStarted", { name, index });
          const input =
            state.ItemSelector === undefined ? item : await visit.evaluate(state.ItemSelector, "ItemSelector", child);
          outputs[index] = await runGraph(visit.run, child, state.ItemProcessor, input);
        },
        succeeded(child) {
          last = child.last;
          child.record("MapIterationSucceeded", { name, index });
        },
      });
    }
  };
  const lanes = Math.min(limit === 0 ? MAXIMUM_CONCURRENCY : Math.min(limit, MAXIMUM_CONCURRENCY), items.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  iterations.conclude();
  branch.record("MapStateSucceeded", undefined, { leaf: true });
  return outputs;
}

async function itemsOf(visit: Visit, state: MapState): Promise<Json[]> {
  if (state.Items !== undefined) return await visit.evaluateAs("array", state.Items, "Items");
  return await visit.checking(() => {
    if (Array.isArray(visit.input)) return visit.input;
    throw new EvaluationError(`Map state input must be an array but was: ${JSON.stringify(visit.input)}`);
  });
}
