import { Branch, type Sibling } from "./branch.ts";
import { BranchCut, StateFailure } from "./failure.ts";
import type { EventDetails, HistoryEvent } from "./history.ts";
import type { Json } from "./jsonata.ts";
import type { Visit } from "./visit.ts";

export interface SiblingOptions {
  /** The Map that the branch is an iteration of. A branch of a Parallel has no events of its own. */
  readonly iterationOf?: string;
  /** The id that its first event points to. */
  readonly last: number;
  /** $states.context.Map, inside of it. */
  readonly map: Json | undefined;
  run(branch: Branch): Promise<void>;
  /** Records that it succeeded: in one go with its end, or a failing sibling would end it once more. */
  succeeded?(branch: Branch): void;
}

/**
 * What one attempt of a Map or Parallel runs side by side.
 *
 * When one of them fails, the others are cut at once: nothing new of them starts, what their functions still return is
 * lost, and the history says what was cut before the failure goes on to Retry and Catch.
 */
export class Siblings {
  readonly #visit: Visit;
  readonly #startedId: number;
  readonly #controller = new AbortController();
  readonly #running = new Map<number, Sibling>();
  /** An earlier process recorded this after the attempt had failed: what was running then only runs up to where it was. */
  readonly #failed: HistoryEvent | undefined;
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
    const after = visit.branch.next();
    this.#failed = after?.type === `${visit.type}StateSucceeded` ? undefined : after;
    const { signal } = visit.branch;
    const cut = () => this.#controller.abort(CUT);
    signal.addEventListener("abort", cut, { once: true });
    this.#unlink = () => signal.removeEventListener("abort", cut);
  }

  /** Nothing further may start. */
  get over(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Runs one of them to its end. Does not throw: how they all ended is told by `conclude`. */
  async run(index: number, options: SiblingOptions): Promise<void> {
    const outer = this.#visit.branch;
    const branch = new Branch({
      path: `${outer.path}${outer.path === "" ? "" : "/"}${this.#startedId}.${index}`,
      history: outer.history,
      signal: this.#controller.signal,
      variables: outer.variables,
      map: options.map,
      last: options.last,
      doomedBy: this.#failed?.previousEventId ?? outer.doomedBy,
    });
    try {
      if (branch.next() === undefined) await branch.live();
      this.#running.set(index, { index, iterationOf: options.iterationOf, branch });
      this.#publish();
      await options.run(branch);
      options.succeeded?.(branch);
      this.#last = Math.max(this.#last, branch.last);
      this.#running.delete(index);
      this.#publish();
    } catch (error) {
      const unmet = branch.next();
      if (error instanceof BranchCut) this.#cut = true;
      else if (unmet === undefined) await this.#fail(index, error);
      else await this.#fail(index, branch.history.misfit(unmet, "the branch failed"));
    }
  }

  /** Throws what made the attempt fail, if anything did; else the state goes on from the last event of all. */
  conclude(): void {
    const { branch } = this.#visit;
    this.#unlink();
    if (branch.signal.aborted) throw new BranchCut();
    if (this.#failed !== undefined) this.#cutOthers(this.#recordedFailure(this.#failed));
    if (this.#failure === undefined && this.#cut) throw new BranchCut();
    branch.siblings = [];
    if (this.#failure !== undefined) throw this.#failure.error;
    branch.last = this.#last;
  }

  async #fail(index: number, error: unknown): Promise<void> {
    this.#failures.set(index, error);
    // Replay: the others have to come to the point where they were; then conclude() does the rest.
    if (this.#failed !== undefined || this.#visit.branch.doomedBy !== undefined) {
      this.#cut = true;
      return;
    }
    await this.#visit.branch.history.caughtUp();
    if (!this.over) this.#cutOthers(index);
  }

  /**
   * Which one it was that failed in an earlier process, when several did: what was recorded then points to its last event.
   * @throws StateFailure States.Runtime when it did not fail again
   */
  #recordedFailure(recorded: HistoryEvent): number {
    const isLast = (index: number) => this.#running.get(index)?.branch.last === recorded.previousEventId;
    const failed = [...this.#failures.keys()].find(isLast);
    if (failed !== undefined) return failed;
    throw this.#visit.branch.history.misfit(recorded, "nothing had failed");
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
    branch.siblings = [];
    this.#controller.abort(CUT);
  }

  /**
   * In their order: how each one that ran ended, and the state it was in if that was cut short. All of them, and the
   * MapStateFailed or ParallelStateFailed after them, point to the last event of the one that failed (recorded on AWS: Map
   * of timed-out tasks, localstack test_service_lambda_map_timeout, 2024-03-10; Parallel of tasks, stackd
   * redrive_execution, 2026-09-24).
   */
  #recordEnd(failed: number): void {
    const outer = this.#visit.branch;
    const ends = [...this.#running.values()]
      .sort((a, b) => a.index - b.index)
      .flatMap((sibling) => (sibling.index === failed ? endOfFailed(sibling) : endOfCut(sibling)));
    const record = (type: string, details?: EventDetails) => outer.record(type, details, { leaf: true });
    let recorded = 0;
    for (let next = outer.next(); next !== undefined && isEnd(next); next = outer.next(), recorded++) record(next.type);
    for (const [type, details] of ends.slice(recorded)) record(type, details);
  }

  #publish(): void {
    this.#visit.branch.siblings = [...this.#running.values()];
    this.#visit.run.moved();
  }
}

const CUT = Symbol("cut");

/** Only these states have an Aborted event (AWS, HistoryEventType). */
const ABORTABLE = ["Task", "Wait", "Map", "Parallel"];

type End = [type: string, details?: EventDetails];

/** AWS records that a Task was cut short also where an attempt of it failed and that was not caught. */
function endOfFailed(sibling: Sibling): End[] {
  const { branch } = sibling;
  const last = branch.history.events[branch.last - 1]?.type ?? "";
  const inTask = branch.state?.type === "Task" && /^Task(Failed|TimedOut)$/.test(last);
  return [...iterationEnd("MapIterationFailed", sibling), ...(inTask ? [["TaskStateAborted"] as End] : [])];
}

function endOfCut(sibling: Sibling): End[] {
  const { branch } = sibling;
  const type = branch.state?.type ?? "";
  return [
    ...iterationEnd("MapIterationAborted", sibling),
    ...(ABORTABLE.includes(type) ? [[`${type}StateAborted`] as End] : []),
    ...branch.siblings.flatMap(endOfCut),
  ];
}

function iterationEnd(type: string, { iterationOf, index }: Sibling): End[] {
  return iterationOf === undefined ? [] : [[type, { name: iterationOf, index }]];
}

function isEnd(event: HistoryEvent): boolean {
  return /^MapIteration(Failed|Aborted)$|StateAborted$/.test(event.type);
}
