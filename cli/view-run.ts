import { GetExecutionHistoryCommand, type HistoryEvent, type SFNClient } from "@aws-sdk/client-sfn";
import { fromAwsError } from "../core/aws.ts";
import { describeExecution, type Execution, isRunning } from "../core/executions.ts";
import { readRun } from "../core/history.ts";
import { factsOf, readHistory } from "../core/run-facts.ts";
import { redactEvents } from "../view/redact.ts";
import type { LiveMessage } from "../view/source.ts";
import type { Action, ApiError, ExecutionFile, ExecutionPart, WireEvent } from "../view/wire.ts";
import { CliError } from "./cli-error.ts";
import type { Deployment } from "./deployment.ts";
import { partOf, placeOf, readDefinition } from "./execution-file.ts";
import { EXIT } from "./exit-status.ts";
import { Listened } from "./listened.ts";
import { type FoundRun, rotationOf } from "./runs.ts";
import type { Session } from "./session.ts";
import { batchesAfter } from "./view-batches.ts";
import { toViewError } from "./view-error.ts";

/** Between two looks, in milliseconds, as `watch` does; of a run that has ended, which a redrive makes go on. */
const PAUSE_MS = 1000;
const LONG_PAUSE_MS = 5000;
const ENDED_PAUSE_MS = 15_000;
/** So long after somebody has come, or has asked for something, looks are short. */
const EAGER_MS = 60_000;
/** How old what can be asked for may be: what decides that is read, too, and every command decides it once more. */
const ACTIONS_MS = 30_000;

/** One run, read once for everybody who looks at it: at first as a whole, and then what is new. */
export class ViewRun {
  readonly #session: Session;
  readonly #deployment: Deployment;
  readonly #name: string;
  readonly #actionsOf: (found: FoundRun) => Promise<readonly Action[]>;
  readonly #listened = new Listened((signal) => this.#follow(signal));
  readonly #history: HistoryEvent[] = [];
  readonly #events: WireEvent[] = [];
  #execution: Execution | undefined;
  #definition: unknown;
  #actions: { readonly list: readonly Action[]; readonly readMs: number } | undefined;
  #part: ExecutionPart | undefined;
  /** How many events the part was made of. */
  #partOf = 0;
  #problem: ApiError | undefined;
  #look: Promise<unknown> = Promise.resolve();
  #eagerMs = 0;
  #disturbedMs = 0;
  #wake = () => {};

  /** @param actionsOf what can be asked for of the run, as it is now */
  constructor(
    session: Session,
    deployment: Deployment,
    name: string,
    actionsOf: (found: FoundRun) => Promise<readonly Action[]>,
  ) {
    this.#session = session;
    this.#deployment = deployment;
    this.#name = name;
    this.#actionsOf = actionsOf;
  }

  get isWatched(): boolean {
    return this.#listened.isListenedTo;
  }

  /** All of it, as it is now. @throws CliError there is no such run; RotationError AccessDenied, Throttled, ServiceUnavailable */
  async read(): Promise<ExecutionFile> {
    const part = await this.#lookOnce();
    const { arn } = part.run;
    this.#definition ??= await readDefinition(this.#session.clients.sfn, arn);
    return {
      schema: "rotor.execution/1",
      place: placeOf(this.#deployment),
      ...part,
      definition: this.#definition,
      events: [...this.#events],
    };
  }

  /** Events after a known one, and how the run is, at once and as that changes. Ends with the signal only. */
  async *watch(after: number, signal: AbortSignal): AsyncGenerator<LiveMessage> {
    let seen = after;
    let [part, problem]: [ExecutionPart | undefined, ApiError | undefined] = [undefined, undefined];
    for await (const _ of this.#listened.listen(signal)) {
      for (const batch of batchesAfter(this.#events, seen)) {
        yield { event: "events", data: batch };
        seen = batch.at(-1)?.id ?? seen;
      }
      if (this.#part !== undefined && this.#part !== part) yield { event: "part", data: this.#part };
      if (this.#problem !== undefined && this.#problem !== problem) yield { event: "problem", data: this.#problem };
      [part, problem] = [this.#part, this.#problem];
    }
  }

  /** Something was asked for: what can be asked for now is another, and the run may be about to go on. */
  disturb(): void {
    this.#actions = undefined;
    this.#disturbedMs = Date.now();
    this.#wake();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    this.#eagerMs = Date.now();
    while (!signal.aborted) {
      const hasFailed = await this.#lookOnce().then(
        () => false,
        (error: unknown) => {
          const { message, todo } = toViewError(error);
          this.#problem = { message, todo };
          return true;
        },
      );
      this.#listened.tell();
      await this.#pause(hasFailed ? LONG_PAUSE_MS : this.#pauseMs(), signal);
    }
  }

  #pauseMs(): number {
    const now = Date.now();
    if (now - this.#disturbedMs < EAGER_MS) return PAUSE_MS;
    if (this.#execution === undefined || !isRunning(this.#execution)) return ENDED_PAUSE_MS;
    return now - this.#eagerMs < EAGER_MS ? PAUSE_MS : LONG_PAUSE_MS;
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
      this.#wake = end;
      if (signal.aborted) end();
    });
  }

  /** One look after the other, whoever asks. */
  #lookOnce(): Promise<ExecutionPart> {
    const look = this.#look.then(() => this.#readNew());
    this.#look = look.catch(() => {});
    return look;
  }

  async #readNew(): Promise<ExecutionPart> {
    const { sfn } = this.#session.clients;
    const { stateMachineArn, stage } = this.#deployment;
    const execution = await describeExecution(sfn, stateMachineArn, this.#name);
    if (execution === undefined) {
      throw new CliError(
        EXIT.environment,
        `There is no run ${this.#name} in stage ${stage}: it has not begun, or was 90 days ago.`,
        "see which there are: rotor runs",
      );
    }
    const isSame = this.#part !== undefined && stateOf(execution) === stateOf(this.#execution);
    const isWhole = isSame && !isRunning(execution) && isEnd(this.#history.at(-1));
    const fresh = isWhole ? [] : await eventsAfter(sfn, execution.arn, this.#history.at(-1)?.id ?? 0);
    this.#history.push(...fresh);
    this.#events.push(...redactEvents(fresh));
    const found = { execution, rotation: rotationOf(execution) };
    const readAt = new Date();
    if (!isSame || this.#actions === undefined || readAt.getTime() - this.#actions.readMs > ACTIONS_MS)
      this.#actions = { list: await this.#actionsOf(found), readMs: readAt.getTime() };
    const { list: actions } = this.#actions;
    this.#part =
      isSame && this.#part !== undefined && this.#partOf === this.#history.length
        ? { ...this.#part, readAt: readAt.toISOString(), actions }
        : partOf({ found, facts: factsOf(readRun(this.#history, readAt)), stage, readAt, actions });
    this.#partOf = this.#history.length;
    this.#execution = execution;
    this.#problem = undefined;
    return this.#part;
  }
}

// --- internal ---

/** A look finds few new events: a page of them goes back far enough. */
const PAGE = 100;

/** Oldest first. From the newest back to the known one, or all where none is known. */
async function eventsAfter(sfn: SFNClient, executionArn: string, known: number): Promise<readonly HistoryEvent[]> {
  if (known === 0) return (await readHistory(sfn, executionArn)) ?? [];
  const found: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const request = { executionArn, reverseOrder: true, maxResults: PAGE };
    const page = await sfn
      .send(new GetExecutionHistoryCommand({ ...request, ...(nextToken === undefined ? {} : { nextToken }) }))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, `states:GetExecutionHistory of ${executionArn}`)));
    const fresh = (page.events ?? []).filter(({ id = 0 }) => id > known);
    found.push(...fresh);
    nextToken = fresh.length === page.events?.length ? page.nextToken : undefined;
  } while (nextToken !== undefined);
  return found.reverse();
}

function stateOf(execution: Execution | undefined): string {
  return [execution?.status, execution?.stoppedAt?.getTime(), execution?.redrivenAt?.getTime()].join(" ");
}

/** A history may be behind its execution: only its end says that it is whole. */
function isEnd(event: HistoryEvent | undefined): boolean {
  return /^Execution(Succeeded|Failed|TimedOut|Aborted)$/.test(event?.type ?? "");
}
