import type { HistoryEvent } from "./history.ts";

/** What every branch recorded, in order; the execution itself is "". */
export type Recorded = ReadonlyMap<string, readonly HistoryEvent[]>;

/**
 * What still counts of a closed execution when it is redriven: everything up to the entry of the state that did not exit.
 * Its attempts are forgotten, so that Retry starts anew. A Map or Parallel keeps its last attempt instead, in which only
 * what did not succeed runs again, from its own unfinished state; but all of it where its result was too large (AWS,
 * "Restarting state machine executions with redrive"; recorded on AWS: stackd redrive_execution, 2026-09-24).
 */
export function keptOnRedrive(recorded: Recorded): Map<string, HistoryEvent[]> {
  const kept = new Map<string, HistoryEvent[]>();
  const tooLarge = recorded.get("")?.at(-1)?.executionFailedEventDetails?.error === "States.DataLimitExceeded";

  const resume = (path: string) => {
    const { events, unfinished } = untilUnfinished(recorded.get(path) ?? [], tooLarge);
    kept.set(path, events);
    for (const { id } of events.filter(({ type }) => STARTED.test(type))) {
      const inside = `${path}${path === "" ? "" : "/"}${id}.`;
      for (const [inner, all] of recorded) {
        if (!inner.startsWith(inside)) continue;
        if (id !== unfinished) kept.set(inner, [...all]);
        else if (!inner.slice(inside.length).includes("/")) resume(inner);
      }
    }
  };
  resume("");
  return kept;
}

const STARTED = /^(Map|Parallel)StateStarted$/;

/** What is kept of one branch, and the attempt of a Map or Parallel in it that goes on, by the id of its Started event. */
function untilUnfinished(
  recorded: readonly HistoryEvent[],
  tooLarge: boolean,
): { readonly events: HistoryEvent[]; readonly unfinished?: number } {
  const events = recorded.filter(({ type }) => !/^Execution(Failed|Aborted|TimedOut)$/.test(type));
  const entered = events.findLastIndex(({ type }) => type.endsWith("StateEntered"));
  const inside = events.slice(entered + 1);
  // An iteration that entered no state may have failed in the ItemSelector.
  if (entered === -1) return { events: events.filter(({ type }) => type !== "EvaluationFailed") };
  if (inside.some(({ type }) => type.endsWith("StateExited"))) return { events };

  const before = events.slice(0, entered + 1);
  const started = inside.findLast(({ type }) => STARTED.test(type));
  // Of this attempt: the one before may have succeeded, and failed in its Output.
  const succeeded = inside.findLast(({ id, type }) => type.endsWith("StateSucceeded") && id > (started?.id ?? 0));
  if (started === undefined || (succeeded !== undefined && tooLarge)) return { events: before };
  if (succeeded !== undefined) return { events: [...before, started, succeeded] };
  return { events: [...before, started], unfinished: started.id };
}
