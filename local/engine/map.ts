import type { MapState, StateGraph } from "./definition.ts";
import { BranchCut, StateFailure } from "./failure.ts";
import { Branch, detailsOf, type EventDetails, type HistoryEvent, type Iteration } from "./history.ts";
import { EvaluationError, type Json } from "./jsonata.ts";
import type { Run } from "./run.ts";
import type { Visit } from "./visit.ts";

/** "There is no concurrency quota" means up to 40 iterations at once (AWS, "Using Map state in Inline mode"). */
const MAXIMUM_CONCURRENCY = 40;

export type RunGraph = (run: Run, branch: Branch, graph: StateGraph, input: Json) => Promise<Json>;

/**
 * Runs one attempt of an inline Map and returns its iterations' outputs in the items' order.
 *
 * When an iteration fails, the others are cut at once: nothing new of them starts, what their functions still return is
 * lost, and the history says what was cut before the failure goes on to Retry and Catch.
 * @throws StateFailure of the first iteration that failed
 * @throws BranchCut
 */
export async function runMap(visit: Visit, state: MapState, runGraph: RunGraph): Promise<Json> {
  const { branch } = visit;
  const items = await itemsOf(visit, state);
  const limit =
    state.MaxConcurrency === undefined ? 0 : await visit.evaluateInteger(state.MaxConcurrency, "MaxConcurrency", 0);
  const started = branch.record("MapStateStarted", { length: items.length });

  const iterations = new Iterations(visit, started.id);
  const outputs: Json[] = [];
  let next = 0;
  const lane = async () => {
    let last: number | undefined = started.id;
    while (last !== undefined && next < items.length && !iterations.over) {
      const index = next++;
      const item = items[index] ?? null;
      last = await iterations.run(index, { Item: { Index: index, Value: item } }, last, async (child, map) => {
        const input =
          state.ItemSelector === undefined ? item : await visit.evaluate(state.ItemSelector, "ItemSelector", map);
        outputs[index] = await runGraph(visit.run, child, state.ItemProcessor, input);
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

/** The iterations of one attempt of a Map: each one's branch, and the end of them all when one fails. */
class Iterations {
  readonly #visit: Visit;
  readonly #startedId: number;
  readonly #controller = new AbortController();
  readonly #running = new Map<number, Iteration>();
  /** An earlier process recorded how this attempt failed: what was running then only runs up to where it was. */
  readonly #doomed: boolean;
  readonly #failures = new Map<number, unknown>();
  readonly #unlink: () => void;
  /** What ended the attempt, if anything did. */
  #failure: { readonly error: unknown } | undefined;
  #cut = false;
  #last: number;

  constructor(visit: Visit, startedId: number) {
    this.#visit = visit;
    this.#startedId = startedId;
    this.#last = startedId;
    this.#doomed = isEnd(visit.branch.next());
    const { signal } = visit.branch;
    const cut = () => this.#controller.abort(CUT);
    signal.addEventListener("abort", cut, { once: true });
    this.#unlink = () => signal.removeEventListener("abort", cut);
  }

  /** No further iteration may start. */
  get over(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Runs one iteration, and returns the id that the lane's next iteration points to; undefined: there is none. Does not throw. */
  async run(
    index: number,
    map: Json,
    last: number,
    work: (child: Branch, map: Json) => Promise<void>,
  ): Promise<number | undefined> {
    const { branch: outer, name } = this.#visit;
    const branch = new Branch({
      path: `${outer.path}${outer.path === "" ? "" : "/"}${this.#startedId}.${index}`,
      history: outer.history,
      signal: this.#controller.signal,
      variables: outer.variables,
      map,
      last,
      doomed: outer.doomed || this.#doomed,
    });
    try {
      if (branch.next() === undefined) await branch.live();
      this.#running.set(index, { index, name, branch });
      this.#publish();
      branch.record("MapIterationStarted", { name, index });
      await work(branch, map);
      const lastInside = branch.last;
      const succeeded = branch.record("MapIterationSucceeded", { name, index });
      this.#last = Math.max(this.#last, succeeded.id);
      this.#running.delete(index);
      this.#publish();
      return lastInside;
    } catch (error) {
      const unmet = branch.next();
      if (error instanceof BranchCut) this.#cut = true;
      else if (unmet === undefined) await this.#fail(index, error);
      else await this.#fail(index, branch.history.misfit(unmet, "the iteration failed"));
      return undefined;
    }
  }

  /** Throws what made the Map fail, if anything did; else the Map goes on from its last iteration. */
  conclude(): void {
    const { branch } = this.#visit;
    this.#unlink();
    if (branch.signal.aborted) throw new BranchCut();
    const failed = this.#doomed ? this.#recordedFailure() : undefined;
    if (failed !== undefined) this.#cutOthers(failed);
    if (this.#failure === undefined && this.#cut) throw new BranchCut();
    branch.iterations = [];
    if (this.#failure !== undefined) throw this.#failure.error;
    branch.last = this.#last;
  }

  async #fail(index: number, error: unknown): Promise<void> {
    this.#failures.set(index, error);
    // Replay: the others have to come to the point where they were; then conclude() does the rest.
    if (this.#doomed || this.#visit.branch.doomed) return;
    await this.#visit.branch.history.caughtUp();
    if (!this.over) this.#cutOthers(index);
  }

  /** Which iteration it was that failed in an earlier process, when several did. */
  #recordedFailure(): number | undefined {
    const { branch, name } = this.#visit;
    const ends = branch.history.upcoming(branch.path).filter((event) => detailsOf(event).name === name);
    const failed = ends.find(({ type }) => type === "MapIterationFailed");
    if (failed !== undefined) return Number(detailsOf(failed).index);
    const aborted = ends.filter(({ type }) => type === "MapIterationAborted").map((event) => detailsOf(event).index);
    return [...this.#failures.keys()].find((index) => !aborted.includes(index));
  }

  #cutOthers(failed: number): void {
    const { branch } = this.#visit;
    const error = this.#failures.get(failed);
    this.#failure = { error };
    branch.last = this.#running.get(failed)?.branch.last ?? branch.last;
    try {
      if (error instanceof StateFailure && !error.terminal) this.#recordEnd(failed);
    } catch (fault) {
      this.#failure = { error: fault };
    }
    branch.iterations = [];
    this.#controller.abort(CUT);
  }

  /**
   * In the order of the items: how each running iteration ended, and the state it was in if that was cut short. All of
   * them, and MapStateFailed after them, point to the failing iteration's last event (recorded on AWS: Map of timed-out
   * tasks, localstack test_service_lambda_map_timeout, 2024-03-10).
   */
  #recordEnd(failed: number): void {
    const outer = this.#visit.branch;
    const ends = [...this.#running.values()]
      .sort((a, b) => a.index - b.index)
      .flatMap((iteration) => {
        return iteration.index === failed ? endOfFailed(iteration) : endOfCut(iteration);
      });
    const record = (type: string, details?: EventDetails) => outer.record(type, details, { leaf: true });
    let recorded = 0;
    for (let next = outer.next(); next !== undefined && isEnd(next); next = outer.next(), recorded++) record(next.type);
    for (const [type, details] of ends.slice(recorded)) record(type, details);
  }

  #publish(): void {
    this.#visit.branch.iterations = [...this.#running.values()];
  }
}

const CUT = Symbol("cut");

/** Only these states have an Aborted event (AWS, HistoryEventType). */
const ABORTABLE = ["Task", "Wait", "Map"];

type End = [type: string, details?: EventDetails];

/** AWS records that a Task was cut short also where an attempt of it failed and that was not caught. */
function endOfFailed({ index, name, branch }: Iteration): End[] {
  const last = branch.history.events[branch.last - 1]?.type ?? "";
  const inTask = branch.state?.type === "Task" && /^Task(Failed|TimedOut)$/.test(last);
  return [["MapIterationFailed", { name, index }], ...(inTask ? [["TaskStateAborted"] as End] : [])];
}

function endOfCut({ index, name, branch }: Iteration): End[] {
  const type = branch.state?.type ?? "";
  return [
    ["MapIterationAborted", { name, index }],
    ...(ABORTABLE.includes(type) ? [[`${type}StateAborted`] as End] : []),
    ...branch.iterations.flatMap(endOfCut),
  ];
}

function isEnd(event: HistoryEvent | undefined): boolean {
  return event !== undefined && /^MapIteration(Failed|Aborted)$|StateAborted$/.test(event.type);
}
