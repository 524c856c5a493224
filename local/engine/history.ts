import { BranchCut, StateFailure } from "./failure.ts";
import type { Json } from "./jsonata.ts";

/** Members of one "...EventDetails". */
export type EventDetails = Readonly<Record<string, unknown>>;

/** One event as GetExecutionHistory returns it. */
export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestamp: Date;
  readonly type: string;
  readonly [details: `${string}EventDetails`]: EventDetails;
}

/**
 * The history is the journal: an event, and the branch that recorded it. A branch is the execution itself ("") or one
 * iteration of a Map ("7.0" under the MapStateStarted with id 7, nested ones as "7.0/12.3").
 */
export interface JournalEntry {
  readonly branch: string;
  readonly event: HistoryEvent;
}

/** A standard execution holds 25,000 events, and the event that ends it is one of them (AWS, "Step Functions service quotas"). */
const MAXIMUM_EVENTS = 25_000;

export interface HistoryOptions {
  now(): number;
  /** Called for every new event, at once. */
  append(entry: JournalEntry): void;
  /** What an earlier process recorded. */
  readonly recorded?: readonly JournalEntry[];
}

export interface Placement {
  /** Default: the branch's last event. */
  readonly previousEventId?: number;
  /** The branch goes on from where it was: its next event does not point to this one. */
  readonly leaf?: boolean;
}

/**
 * The events of one execution, in order.
 *
 * After a restart the interpreter runs again from the start, and `record` hands out what was recorded, branch by branch,
 * until that is used up: a recorded outcome is never computed again. Whatever reaches the world outside waits for
 * `caughtUp` first.
 */
export class History {
  readonly events: HistoryEvent[] = [];
  readonly #options: HistoryOptions;
  readonly #recorded = new Map<string, HistoryEvent[]>();
  #left = 0;
  #whenCaughtUp: (() => void)[] = [];
  #stopped = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    for (const { branch, event } of options.recorded ?? []) {
      const parsed = { ...event, timestamp: new Date(event.timestamp) };
      this.events.push(parsed);
      this.#recorded.set(branch, [...(this.#recorded.get(branch) ?? []), parsed]);
      this.#left++;
    }
  }

  /** The next event that the branch recorded in an earlier process, if it is not used up. */
  next(branch: string): HistoryEvent | undefined {
    return this.#recorded.get(branch)?.[0];
  }

  /** What the branch recorded in an earlier process and replay has not met yet. */
  upcoming(branch: string): readonly HistoryEvent[] {
    return this.#recorded.get(branch) ?? [];
  }

  /**
   * Records an event, or meets a recorded one.
   * @throws BranchCut after `stop` and `close`
   * @throws StateFailure States.Runtime when the history is full, or does not fit the definition
   */
  record(branch: string, type: string, details: EventDetails | undefined, previousEventId: number): HistoryEvent {
    if (this.#stopped) throw new BranchCut();
    const recorded = this.#recorded.get(branch)?.shift();
    if (recorded !== undefined) {
      this.#left--;
      if (this.#left === 0) this.#catchUp();
      if (recorded.type === type) return recorded;
      throw this.misfit(recorded, type);
    }
    if (this.events.length >= MAXIMUM_EVENTS - 1) {
      throw new StateFailure(
        "States.Runtime",
        `The execution reached the maximum number of history events (${MAXIMUM_EVENTS}).`,
      );
    }
    return this.#append(branch, type, details, previousEventId);
  }

  /** The failure to throw when replay does not come to the event that was recorded. Nothing more happens then. */
  misfit(recorded: HistoryEvent, instead: string): StateFailure {
    this.stop();
    return new StateFailure("States.Runtime", `Event ${recorded.id} was ${recorded.type}, and ${instead} on replay.`);
  }

  /** Records the event that ends the execution: the last one. */
  close(type: string, details: EventDetails, previousEventId: number): HistoryEvent {
    const event = this.#append("", type, details, previousEventId);
    this.stop();
    return event;
  }

  /** Nothing can be recorded any more, but for the event that ends the execution. */
  stop(): void {
    this.#stopped = true;
    this.#catchUp();
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Resolves when everything that an earlier process recorded has been met again. */
  caughtUp(): Promise<void> {
    if (this.#left === 0 || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#whenCaughtUp.push(resolve));
  }

  #catchUp(): void {
    for (const resolve of this.#whenCaughtUp.splice(0)) resolve();
  }

  #append(branch: string, type: string, details: EventDetails | undefined, previousEventId: number): HistoryEvent {
    const event: HistoryEvent = {
      id: this.events.length + 1,
      previousEventId,
      timestamp: new Date(this.#options.now()),
      type,
      ...(details === undefined ? {} : { [detailsKey(type)]: withoutUndefined(details) }),
    };
    this.events.push(event);
    this.#options.append({ branch, event });
    return event;
  }
}

/** One line of states, one after the other: the execution itself, or an iteration of a Map. */
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
  /** The iterations that run now, while that state is a Map. */
  iterations: readonly Iteration[] = [];
  /** An earlier process recorded that the branch was cut: when its events are used up, it ends. */
  readonly doomed: boolean;

  constructor(options: {
    path: string;
    history: History;
    signal: AbortSignal;
    variables: Readonly<Record<string, Json>>;
    map?: Json | undefined;
    last: number;
    doomed?: boolean;
  }) {
    this.path = options.path;
    this.history = options.history;
    this.signal = options.signal;
    this.variables = options.variables;
    this.map = options.map;
    this.last = options.last;
    this.doomed = options.doomed ?? false;
  }

  get isExecution(): boolean {
    return this.path === "";
  }

  next(): HistoryEvent | undefined {
    return this.history.next(this.path);
  }

  /** @throws BranchCut, StateFailure as History.record */
  record(type: string, details?: EventDetails, placement: Placement = {}): HistoryEvent {
    if (this.signal.aborted || (this.doomed && this.next() === undefined)) throw new BranchCut();
    const event = this.history.record(this.path, type, details, placement.previousEventId ?? this.last);
    if (!placement.leaf) this.last = event.id;
    return event;
  }

  /** Resolves when the branch may act on the world outside. @throws BranchCut */
  async live(): Promise<void> {
    if (!this.doomed) await this.history.caughtUp();
    if (this.signal.aborted || this.doomed || this.history.stopped) throw new BranchCut();
  }
}

/** An iteration of a Map that runs now. */
export interface Iteration {
  readonly index: number;
  readonly name: string;
  readonly branch: Branch;
}

/** The details of an event, whatever its type. */
export function detailsOf(event: HistoryEvent): EventDetails {
  return event[detailsKey(event.type)] ?? {};
}

export function detailsKey(type: string): `${string}EventDetails` {
  if (type.endsWith("StateEntered")) return "stateEnteredEventDetails";
  if (type.endsWith("StateExited")) return "stateExitedEventDetails";
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}EventDetails`;
}

/** How AWS says that a payload is whole. */
export const WHOLE = { truncated: false };

function withoutUndefined(details: EventDetails): EventDetails {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
}
