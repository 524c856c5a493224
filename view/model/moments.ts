import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { type Run, readRun } from "../../core/history.ts";
import type { WireEvent } from "../wire.ts";

/** The events as GetExecutionHistory returns them, in the order of their ids. Pure. */
export function toHistory(events: readonly WireEvent[]): readonly HistoryEvent[] {
  return events.map((event) => ({ ...event, timestamp: new Date(event.timestamp) }) as unknown as HistoryEvent);
}

/** The run as it was when the first `upTo` events had happened. Pure. */
export function runAt(history: readonly HistoryEvent[], upTo: number, now: Date): Run {
  const isWhole = upTo >= history.length;
  const part = isWhole ? history : history.slice(0, upTo);
  return readRun(part, isWhole ? now : (part.at(-1)?.timestamp ?? now));
}

/** Adds events that came; those that are there already come again after a connection was lost. Pure. */
export function withEvents(known: readonly WireEvent[], fresh: readonly WireEvent[]): readonly WireEvent[] {
  const last = known.at(-1)?.id ?? 0;
  const added = fresh.filter(({ id }) => id > last);
  return added.length === 0 ? known : [...known, ...added];
}
