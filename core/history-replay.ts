import type { HistoryEvent } from "@aws-sdk/client-sfn";
import type { Attempt, Iteration, Run, RunStatus, Step, StepStatus } from "./history.ts";
import { type EventFacts, readEvent, readMessage, readPayload } from "./history-event.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A step while it is being read. */
interface Draft {
  readonly step: Omit<Mutable<Step>, "attempts"> & { readonly attempts: Mutable<Attempt>[] };
  /** The iteration of a Map that it is inside. */
  readonly inside: IterationDraft | undefined;
  /** Of a Map: its iterations, by index. */
  readonly iterations: Map<number, IterationDraft>;
  open: boolean;
}

interface IterationDraft {
  readonly map: Draft;
  readonly facts: Mutable<Iteration>;
  readonly path: string;
}

/** Where an event stands: in a state, in an iteration. Its successors start from there. */
interface Place {
  readonly draft?: Draft | undefined;
  readonly inside?: IterationDraft | undefined;
}

/**
 * Replays events in the order of their ids. Iterations of a Map interleave in that order, so an event is placed by its
 * `previousEventId`. On AWS that chain has two breaks, and a name closes both: a lane's next iteration points into the last
 * one, and how iterations were cut points into the one that failed.
 */
export function replay(events: readonly HistoryEvent[], now: Date | undefined): Run {
  const places = new Map<number, Place>();
  const drafts = new Map<string, Draft>();
  const run: Mutable<Run> = { status: "RUNNING", steps: [] };

  for (const event of events) {
    const facts = readEvent(event);
    run.startedAt ??= facts.at;
    places.set(facts.id, apply(facts, places.get(facts.previousId) ?? {}));
  }
  for (const draft of drafts.values()) settle(draft);
  return measure({ ...run, steps: [...drafts.values()].map(({ step }) => measure(step, now)) }, now);

  function apply(event: EventFacts, place: Place): Place {
    const { details, at } = event;
    switch (event.kind) {
      case "state-entered":
        return enter(event, place);
      case "state-exited": {
        const draft = find(details.name, place);
        if (draft === undefined) return place;
        leave(draft, event);
        return { inside: draft.inside };
      }
      case "attempt-started": {
        const draft = own(event, place);
        if (draft) goOn(draft, at);
        draft?.step.attempts.push({ startedAt: at });
        if (draft && details.parameters !== undefined) draft.step.request = readPayload(details.parameters);
        return place;
      }
      case "attempt-succeeded":
      case "attempt-failed": {
        const draft = own(event, place);
        if (draft) endAttempt(draft, event);
        return draft ? { draft, inside: draft.inside } : place;
      }
      case "evaluation-failed": {
        const draft = find(details.state, place);
        if (draft) endAttempt(draft, event);
        return draft ? { draft, inside: draft.inside } : place;
      }
      case "iteration-started": {
        const map = find(details.name, place);
        return map ? { inside: iterationOf(map, details.index ?? 0) } : place;
      }
      case "iteration-succeeded":
      case "iteration-failed":
      case "iteration-aborted": {
        const map = find(details.name, place);
        if (map === undefined) return place;
        endIteration(map, details.index ?? 0, event);
        return { draft: map, inside: map.inside };
      }
      case "execution-ended":
        end(event);
        return place;
      case "execution-redriven":
        reopen();
        return place;
      default:
        return place;
    }
  }

  function enter({ type, details, at }: EventFacts, { inside }: Place): Place {
    const name = details.name ?? "";
    const key = `${inside?.path ?? ""}/${name}`;
    const draft = drafts.get(key) ?? newDraft(name, type.replace("StateEntered", ""), inside, at);
    drafts.set(key, draft);
    draft.open = true;
    draft.step.entries += 1;
    draft.step.status = "running";
    delete draft.step.endedAt;
    if (inside && inside.facts.item === undefined) nameItem(inside.facts, details.input);
    return { draft, inside };
  }

  /** The open state of that name: the place's own, one around it, else the one that was entered last. */
  function find(name: string | undefined, place: Place): Draft | undefined {
    for (let around: Place | undefined = place; around; around = outside(around)) {
      if (around.draft?.step.name === name) return around.draft;
    }
    return [...drafts.values()].findLast((draft) => draft.open && draft.step.name === name);
  }

  /** Events of attempts name no state: a Map's belong to the next Map around, all others to the place's own state. */
  function own({ type }: EventFacts, place: Place): Draft | undefined {
    const container = /^(Map|Parallel)State/.exec(type)?.[1];
    if (container === undefined) return place.draft;
    for (let around: Place | undefined = place; around; around = outside(around)) {
      if (around.draft?.step.type === container) return around.draft;
    }
    return [...drafts.values()].findLast((draft) => draft.open && draft.step.type === container);
  }

  function endIteration(map: Draft, index: number, event: EventFacts): void {
    const ended = iterationOf(map, index);
    const cut = [...drafts.values()].filter((draft) => draft.open && isWithin(draft, ended));
    for (const draft of cut) close(draft, event.at);
    if (event.kind !== "iteration-failed") return;
    // A Map itself says only that it failed: what it failed of is the error of the state that was cut.
    const failed = cut.map(({ step }) => step.attempts.at(-1)).find((attempt) => attempt?.error !== undefined);
    const attempt = map.step.attempts.at(-1);
    if (attempt && failed) fail(attempt, failed.error, failed.message);
  }

  function end({ type, at, details }: EventFacts): void {
    run.status = ENDS[type] ?? "FAILED";
    run.endedAt = at;
    if (details.error !== undefined) run.error = details.error;
    if (details.cause !== undefined) run.cause = details.cause;
    if (details.output !== undefined) run.output = readPayload(details.output);
    for (const draft of drafts.values()) {
      if (!draft.open) continue;
      close(draft, at);
      if (draft.step.type === "Fail") draft.step.status = "failed";
      else if (run.status === "SUCCEEDED") draft.step.status = "succeeded";
    }
  }

  function reopen(): void {
    run.status = "RUNNING";
    for (const key of ["endedAt", "error", "cause", "output"] as const) delete run[key];
  }

  /** After a redrive a state goes on without being entered, and so do the Maps around it, of which no event says so. */
  function goOn(draft: Draft, at: Date): void {
    for (let each: Draft | undefined = draft; each; each = each.inside?.map) {
      if (!each.open && each !== draft) each.step.attempts.push({ startedAt: at });
      each.open = true;
      delete each.step.endedAt;
    }
  }

  function settle(draft: Draft): void {
    if (!draft.open) return;
    const last = draft.step.attempts.at(-1);
    const waits = last?.endedAt !== undefined && last.error !== undefined;
    draft.step.status = draft.step.type === "Fail" ? "failed" : waits ? "waiting-to-retry" : "running";
  }
}

// --- one state ---

function newDraft(name: string, type: string, inside: IterationDraft | undefined, startedAt: Date): Draft {
  const iteration = inside && { iteration: inside.facts };
  const step: Draft["step"] = { name, type, ...iteration, status: "running", attempts: [], entries: 0, startedAt };
  return { step, inside, iterations: new Map(), open: false };
}

function leave(draft: Draft, { at, details }: EventFacts): void {
  const { step } = draft;
  step.status = step.attempts.at(-1)?.error === undefined ? "succeeded" : "caught";
  step.endedAt = at;
  draft.open = false;
  if (details.output !== undefined) step.output = readPayload(details.output);
  if (details.assignedVariables !== undefined) {
    const assigned = Object.entries(details.assignedVariables).map(([name, text]) => [name, readPayload(text)]);
    step.assigned = { ...step.assigned, ...Object.fromEntries(assigned) };
  }
}

/** The end of what is around it ends a state that has not exited. */
function close(draft: Draft, at: Date): void {
  const last = draft.step.attempts.at(-1);
  const status: StepStatus = last?.error === undefined ? "aborted" : "failed";
  Object.assign(draft.step, { status, endedAt: at });
  draft.open = false;
}

function endAttempt({ step }: Draft, event: EventFacts): void {
  const last = step.attempts.at(-1);
  const isOpen = last !== undefined && last.endedAt === undefined;
  // An expression can fail before a task is scheduled, and in states that have none; a task can fail to be scheduled.
  const attempt: Mutable<Attempt> = isOpen ? last : { startedAt: event.at };
  if (!isOpen) step.attempts.push(attempt);
  attempt.endedAt = event.at;
  if (event.kind === "attempt-succeeded") return;
  const error = event.details.error ?? (event.type.endsWith("TimedOut") ? "States.Timeout" : "unknown");
  fail(attempt, error, readMessage(event.details.cause));
}

function fail(attempt: Mutable<Attempt>, error: string | undefined, message: string | undefined): void {
  if (attempt.error !== undefined) return;
  if (error !== undefined) attempt.error = error;
  if (message !== undefined) attempt.message = message;
}

// --- iterations ---

function iterationOf(map: Draft, index: number): IterationDraft {
  const known = map.iterations.get(index);
  if (known) return known;
  const facts: Mutable<Iteration> = { map: map.step.name, index, ...(map.inside && { outer: map.inside.facts }) };
  const fresh = { map, facts, path: `${map.inside?.path ?? ""}/${map.step.name}.${index}` };
  map.iterations.set(index, fresh);
  return fresh;
}

function isWithin({ inside }: Draft, iteration: IterationDraft): boolean {
  for (let around = inside; around; around = around.map.inside) {
    if (around === iteration) return true;
  }
  return false;
}

function outside({ inside }: Place): Place | undefined {
  return inside && { draft: inside.map, inside: inside.map.inside };
}

function nameItem(facts: Mutable<Iteration>, input: string | undefined): void {
  const value = readPayload(input);
  const { dependent, name } = Object(value) as { readonly dependent?: unknown; readonly name?: unknown };
  const item = [value, dependent, name].find((each) => typeof each === "string");
  if (typeof item === "string") facts.item = item;
}

// --- the whole ---

const ENDS: Readonly<Record<string, RunStatus>> = {
  ExecutionSucceeded: "SUCCEEDED",
  ExecutionFailed: "FAILED",
  ExecutionTimedOut: "TIMED_OUT",
  ExecutionAborted: "ABORTED",
};

function measure<T extends { readonly startedAt?: Date; readonly endedAt?: Date }>(
  timed: T,
  now: Date | undefined,
): T & { readonly durationMs?: number } {
  const end = timed.endedAt ?? now;
  if (timed.startedAt === undefined || end === undefined) return timed;
  return { ...timed, durationMs: Math.max(0, end.getTime() - timed.startedAt.getTime()) };
}
