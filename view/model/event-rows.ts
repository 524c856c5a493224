import type { WireEvent } from "../wire.ts";
import { objectOf, textOf } from "./payload.ts";

/** One event as the table of raw events shows it. */
export interface EventRow {
  readonly event: WireEvent;
  /** The state that it belongs to; "" for those of the execution. */
  readonly state: string;
  /** What it failed of, or what it is about. */
  readonly says: string;
  readonly isFailure: boolean;
  /** In small letters: what a filter looks in. */
  readonly text: string;
}

/** The events with their states. An event without a state's name belongs where the one before it does. Pure. */
export function eventRows(events: readonly WireEvent[]): readonly EventRow[] {
  const states = new Map<number, string>();
  return events.map((event) => {
    const details = detailsOf(event);
    const isNamed = /State(Entered|Exited)$|^MapIteration/.test(event.type);
    const named = isNamed ? textOf(details["name"]) : textOf(details["state"]);
    const state = named ?? states.get(event.previousEventId ?? 0) ?? "";
    states.set(event.id, state);
    const error = textOf(details["error"]);
    const isFailure = /(Failed|TimedOut|Aborted)$/.test(event.type);
    const index = details["index"];
    const says = error ?? (typeof index === "number" ? `iteration ${index}` : (textOf(details["resource"]) ?? ""));
    const text = `${event.id} ${event.type} ${state} ${says} ${JSON.stringify(details)}`.toLowerCase();
    return { event, state, says, isFailure, text };
  });
}

export const EVENT_KINDS = ["all", "failures", "states", "tasks", "iterations"] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Rows that have every word, of one kind. Pure. */
export function filterEvents(rows: readonly EventRow[], words: string, kind: EventKind): readonly EventRow[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => KINDS[kind](row) && wanted.every((word) => row.text.includes(word)));
}

/** The members of its "...EventDetails". */
export function detailsOf(event: WireEvent): Readonly<Record<string, unknown>> {
  const key = Object.keys(event).find((name) => name.endsWith("EventDetails"));
  return objectOf(key === undefined ? undefined : event[key]);
}

// --- internal ---

const KINDS: Readonly<Record<EventKind, (row: EventRow) => boolean>> = {
  all: () => true,
  failures: ({ isFailure }) => isFailure,
  states: ({ event }) => /State(Entered|Exited)$/.test(event.type),
  tasks: ({ event }) => /^(Task|LambdaFunction|Activity)(?!State)/.test(event.type),
  iterations: ({ event }) => event.type.startsWith("MapIteration"),
};
