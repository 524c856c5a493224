import { detailsOf, type HistoryEvent } from "../../local/engine/history.ts";

/** What holds of every history, whatever happened. Returns what does not. */
export function violations(events: readonly HistoryEvent[]): string[] {
  return [...badLinks(events), ...badEnd(events), ...unclosed(events), ...badTasks(events), ...afterlife(events)];
}

/** Ids are 1, 2, 3 ...; an event points to an earlier one; time does not run backwards. */
function badLinks(events: readonly HistoryEvent[]): string[] {
  return events.flatMap((event, index) => {
    const problems: string[] = [];
    if (event.id !== index + 1) problems.push(`event ${index + 1} has id ${event.id}`);
    if (event.previousEventId >= event.id) problems.push(`event ${event.id} points to ${event.previousEventId}`);
    const before = events[index - 1];
    if (before !== undefined && before.timestamp > event.timestamp) problems.push(`event ${event.id} is too early`);
    return problems;
  });
}

/** An execution has one start, one end, and nothing after its end but a redrive, which has an end of its own. */
function badEnd(events: readonly HistoryEvent[]): string[] {
  const isEnd = (event: HistoryEvent | undefined) =>
    /^Execution(Succeeded|Failed|Aborted|TimedOut)$/.test(event?.type ?? "");
  const ends = events.filter(isEnd).length;
  const redrives = events.filter(({ type, id }) => type === "ExecutionRedriven" && isEnd(events[id - 2])).length;
  const sound = ends === redrivesOf(events) + 1 && redrives === redrivesOf(events) && isEnd(events.at(-1));
  const problems = sound ? [] : [`${ends} ends, or events behind one`];
  return events[0]?.type === "ExecutionStarted" ? problems : [...problems, "no start"];
}

/**
 * As many states are left (Exited, Aborted) as are entered, but for the one that an execution or an iteration failed in,
 * and for Pass, Choice, Succeed and Fail, which AWS has no Aborted event for. Every iteration ends once. After a redrive
 * what was aborted goes on and is left once more.
 */
function unclosed(events: readonly HistoryEvent[]): string[] {
  if (redrivesOf(events) > 0) return [];
  const count = (pattern: RegExp) => events.filter(({ type }) => pattern.test(type)).length;
  const problems: string[] = [];
  const failures = count(/^(MapIterationFailed|ParallelStateFailed|Execution(Failed|Aborted|TimedOut))$/);
  const cut = count(/^Execution(Aborted|TimedOut)$/) > 0 || isTerminal(events.at(-1));
  for (const type of ["Task", "Wait", "Map", "Parallel"]) {
    const left = count(new RegExp(`^${type}State(Exited|Aborted)$`));
    const entered = count(new RegExp(`^${type}StateEntered$`));
    if (left > entered) problems.push(`${left} ${type} states left, ${entered} entered`);
    if (entered - left > failures && !cut) problems.push(`${entered - left} ${type} states never left`);
  }
  const started = count(/^MapIterationStarted$/);
  const ended = count(/^MapIteration(Succeeded|Failed|Aborted)$/);
  if (ended > started || (ended < started && !cut)) problems.push(`${started} iterations started, ${ended} ended`);
  return problems;
}

function redrivesOf(events: readonly HistoryEvent[]): number {
  return events.filter(({ type }) => type === "ExecutionRedriven").length;
}

function isTerminal(end: HistoryEvent | undefined): boolean {
  return end !== undefined && detailsOf(end).error === "States.Runtime";
}

/** A task is scheduled, started, submitted where it waits for a token, and ends at most once. */
function badTasks(events: readonly HistoryEvent[]): string[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  const ended = new Set<number>();
  return events.flatMap(({ id, type, previousEventId }) => {
    const before = byId.get(previousEventId)?.type;
    if (type === "TaskStarted" && before !== "TaskScheduled") return [`TaskStarted ${id} points to ${before}`];
    if (!/^Task(Succeeded|Failed|TimedOut)$/.test(type)) return [];
    if (before !== "TaskStarted" && before !== "TaskSubmitted") return [`${type} ${id} points to ${before}`];
    if (ended.has(previousEventId)) return [`the task started at ${previousEventId} ended twice`];
    ended.add(previousEventId);
    return [];
  });
}

/**
 * Nothing of an iteration comes behind its MapIterationAborted, but after a redrive. Events name an iteration by its Map and its index only: where
 * the same Map runs twice at a time (inside another one), nothing can be said. Nor can it of one with the name and index of one that started
 * before a redrive: that one may go on beside it, with no MapIterationStarted of its own.
 */
function afterlife(events: readonly HistoryEvent[]): string[] {
  const iterationOf = new Map<number, number>();
  const running = new Map<string, number[]>();
  const started = new Set<string>();
  const redriven = new Set<string>();
  const aborted = new Set<number>();
  return events.flatMap((event) => {
    const { id, type, previousEventId } = event;
    const { name, index } = detailsOf(event);
    if (type === "ExecutionRedriven") {
      running.clear();
      aborted.clear();
      for (const key of started) redriven.add(key);
    }
    const key = `${name} ${index}`;
    const same = running.get(key) ?? [];
    if (type === "MapIterationStarted") {
      running.set(key, [...same, id]);
      started.add(key);
    }
    if (type === "MapIterationAborted" && same.length === 1 && !redriven.has(key)) aborted.add(same[0] ?? 0);
    // Once two ran at a time, the list keeps both, and nothing is said of either.
    if (/^MapIteration(Succeeded|Failed|Aborted)$/.test(type) && same.length === 1) running.delete(key);
    const iteration = type === "MapIterationStarted" ? id : (iterationOf.get(previousEventId) ?? 0);
    iterationOf.set(id, iteration);
    return aborted.has(iteration) ? [`${type} ${id} belongs to the aborted iteration ${iteration}`] : [];
  });
}
