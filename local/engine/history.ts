import { BranchCut, StateFailure } from "./failure.ts";
import { keptOnRedrive } from "./redrive.ts";

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
 * The history is the journal: an event, and the branch that recorded it. A branch is the execution itself (""), one
 * iteration of a Map or one branch of a Parallel ("7.0" under the Started event with id 7, nested ones as "7.0/12.3").
 */
export interface JournalEntry {
  readonly branch: string;
  readonly event: HistoryEvent;
  /** Of RedriveExecution, with an ExecutionRedriven event. */
  readonly clientToken?: string | undefined;
}

/** What an ExecutionRedriven event stands for. */
export interface Redrive {
  readonly eventId: number;
  readonly date: Date;
  readonly clientToken: string | undefined;
}

/** A standard execution holds 25,000 events, and the event that ends it is one of them (AWS, "Step Functions service quotas"). */
export const MAXIMUM_EVENTS = 25_000;

export interface HistoryOptions {
  now(): number;
  /** Called for every new event, at once. */
  append(entry: JournalEntry): void;
  /** What an earlier process recorded. */
  readonly recorded?: readonly JournalEntry[];
}

/**
 * The events of one execution, in order.
 *
 * After a restart the interpreter runs again from the start, and `record` hands out what was recorded, branch by branch,
 * until that is used up: a recorded outcome is never computed again. Whatever reaches the world outside waits for
 * `caughtUp` first. A redrive is the same, with less to hand out.
 */
export class History {
  readonly events: HistoryEvent[] = [];
  /** Oldest first. */
  readonly redrives: Redrive[] = [];
  readonly #entries: JournalEntry[] = [];
  readonly #options: HistoryOptions;
  #recorded = new Map<string, HistoryEvent[]>();
  #left = 0;
  #whenCaughtUp: (() => void)[] = [];
  #stopped = false;
  #firstMisfit: StateFailure | undefined;

  constructor(options: HistoryOptions) {
    this.#options = options;
    for (const entry of options.recorded ?? []) {
      const event = { ...entry.event, timestamp: new Date(entry.event.timestamp) };
      this.#keep({ ...entry, event });
      if (event.type === "ExecutionRedriven") {
        this.#recorded = keptOnRedrive(this.#recorded);
        continue;
      }
      const events = this.#recorded.get(entry.branch);
      if (events === undefined) this.#recorded.set(entry.branch, [event]);
      else events.push(event);
    }
    for (const events of this.#recorded.values()) this.#left += events.length;
  }

  /** The next event that the branch recorded in an earlier process, if it is not used up. */
  next(branch: string): HistoryEvent | undefined {
    return this.#recorded.get(branch)?.[0];
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
    const cause = `Event ${recorded.id} was ${recorded.type}, and ${instead} on replay.`;
    this.#firstMisfit ??= new StateFailure("States.Runtime", cause);
    return this.#firstMisfit;
  }

  /** Records the event that ends the execution: the last one. */
  close(type: string, details: EventDetails, previousEventId: number): HistoryEvent {
    const event = this.#append("", type, details, previousEventId);
    this.stop();
    return event;
  }

  /** Records that the closed execution is redriven. Returns the history that it goes on with. */
  redrive(clientToken: string | undefined): History {
    const details = { redriveCount: this.redrives.length + 1 };
    this.#append("", "ExecutionRedriven", details, this.events.length, clientToken);
    return new History({ ...this.#options, recorded: this.#entries });
  }

  /** Nothing can be recorded any more, but for the event that ends the execution. */
  stop(): void {
    this.#stopped = true;
    this.#catchUp();
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** What ends the execution, whichever branch met it. */
  get firstMisfit(): StateFailure | undefined {
    return this.#firstMisfit;
  }

  /** Resolves when everything that an earlier process recorded has been met again. */
  caughtUp(): Promise<void> {
    if (this.#left === 0 || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#whenCaughtUp.push(resolve));
  }

  #catchUp(): void {
    for (const resolve of this.#whenCaughtUp.splice(0)) resolve();
  }

  #append(
    branch: string,
    type: string,
    details: EventDetails | undefined,
    previousEventId: number,
    clientToken?: string,
  ): HistoryEvent {
    const event: HistoryEvent = {
      id: this.events.length + 1,
      previousEventId,
      timestamp: new Date(this.#options.now()),
      type,
      ...(details === undefined ? {} : { [detailsKey(type)]: withoutUndefined(details) }),
    };
    const entry = { branch, event, ...(clientToken === undefined ? {} : { clientToken }) };
    this.#keep(entry);
    this.#options.append(entry);
    return event;
  }

  #keep(entry: JournalEntry): void {
    const { event, clientToken } = entry;
    this.#entries.push(entry);
    this.events.push(event);
    if (event.type !== "ExecutionRedriven") return;
    this.redrives.push({ eventId: event.id, date: event.timestamp, clientToken });
  }
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
