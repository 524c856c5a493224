import type { ParallelState } from "./definition.ts";
import type { Json } from "./jsonata.ts";
import type { RunGraph } from "./run.ts";
import { Siblings } from "./siblings.ts";
import type { Visit } from "./visit.ts";

/**
 * Runs one attempt of a Parallel, all branches at once on the same input, and returns their outputs in their order.
 * @throws StateFailure of the first branch that failed
 * @throws BranchCut
 */
export async function runParallel(visit: Visit, state: ParallelState, runGraph: RunGraph): Promise<Json> {
  const { branch } = visit;
  const input = state.Arguments === undefined ? visit.input : await visit.evaluate(state.Arguments, "Arguments");
  const started = branch.record("ParallelStateStarted");

  const branches = new Siblings(visit, started.id);
  const outputs: Json[] = [];
  await Promise.all(
    state.Branches.map((graph, index) =>
      branches.run(index, {
        last: started.id,
        map: branch.map,
        async run(child) {
          outputs[index] = await runGraph(visit.run, child, graph, input);
        },
      }),
    ),
  );
  branches.conclude();
  branch.record("ParallelStateSucceeded", undefined, { leaf: true });
  return outputs;
}
