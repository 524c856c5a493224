import { BranchCut } from "./failure.ts";
import type { EventDetails, History, HistoryEvent } from "./history.ts";
import type { Json } from "./jsonata.ts";

/** One line of states, one after the other: the execution itself, an iteration of a Map or a branch of a Parallel. */
export class Branch {
  readonly path: string;
  readonly history: History;
  readonly signal: AbortSignal;
  /** Outer variables can be read; what is assigned here stays here (AWS, "Passing data between states with variables"). */
  variables: Readonly<Record<string, Json>>;
  /** $states.context.Map, inside an iteration. */
  readonly map: Json | undefined;
  /** The id that the branch's next event points to. */
  last: number;
  /** The state the branch is in. */
  state: { readonly name: string; readonly type: string } | undefined;
  /** What runs side by side now, while that state is a Map or Parallel. */
  siblings: readonly Sibling[] = [];
  /** It does nothing but wait for a task token. */
  waits = false;
  /**
   * An earlier process recorded that the branch failed, or was cut, and this is the last event of the one that failed. When the
   * branch's events are used up, it ends.
   */
  readonly doomedBy: number | undefined;

  constructor(options: {
    path: string;
    history: History;
    signal: AbortSignal;
    variables: Readonly<Record<string, Json>>;
    map?: Json | undefined;
    last: number;
    doomedBy?: number | undefined;
  }) {
    this.path = options.path;
    this.history = options.history;
    this.signal = options.signal;
    this.variables = options.variables;
    this.map = options.map;
    this.last = options.last;
    this.doomedBy = options.doomedBy;
  }

  get isExecution(): boolean {
    return this.path === "";
  }

  next(): HistoryEvent | undefined {
    return this.history.next(this.path);
  }

  /** @throws BranchCut, StateFailure as History.record */
  record(type: string, details?: EventDetails, placement: Placement = {}): HistoryEvent {
    if (this.signal.aborted || (this.doomedBy !== undefined && this.next() === undefined)) throw new BranchCut();
    const event = this.history.record(this.path, type, details, placement.previousEventId ?? this.last);
    if (!placement.leaf) this.last = event.id;
    return event;
  }

  /** Whether nothing in it goes on before a task token comes back. */
  get rests(): boolean {
    return this.siblings.length === 0 ? this.waits : this.siblings.every(({ branch }) => branch.rests);
  }

  /** Resolves when the branch may act on the world outside. @throws BranchCut */
  async live(): Promise<void> {
    if (this.doomedBy === undefined) await this.history.caughtUp();
    if (this.signal.aborted || this.doomedBy !== undefined || this.history.stopped) throw new BranchCut();
  }
}

/** An iteration of a Map, or a branch of a Parallel, that runs now. */
export interface Sibling {
  readonly index: number;
  /** The name of the Map. */
  readonly iterationOf: string | undefined;
  readonly branch: Branch;
}

export interface Placement {
  /** Default: the branch's last event. */
  readonly previousEventId?: number;
  /** The branch goes on from where it was: its next event does not point to this one. */
  readonly leaf?: boolean;
}
