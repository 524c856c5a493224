import { readEvent, readMessage, readPayload } from "../core/history-event.ts";
import { clean } from "../core/notifications/text.ts";
import type { Colors } from "../core/terminal/run-text.ts";
import { renderTable } from "../core/terminal/table.ts";
import type { WireEvent } from "../view/wire.ts";
import { when } from "./times.ts";

/** For people: each event on a line, with the step that it belongs to and what tells it from others. Pure. */
export function eventLines(shown: readonly WireEvent[], all: readonly WireEvent[], colors: Colors): readonly string[] {
  if (shown.length === 0) return ["There is no such event."];
  const steps = stepsOf(all);
  const rows = shown.map((event) => [
    String(event.id),
    when(new Date(event.timestamp)),
    event.type,
    steps.get(event.id) ?? "",
    clean(summaryOf(event), MOST),
  ]);
  return renderTable(["ID", "TIME", "TYPE", "STEP", ""], rows, colors);
}

// --- internal ---

/** Characters of a line that is for orientation: `--output json` has it all. */
const MOST = 120;

/** Events of attempts name no step: theirs is that of the event before. */
function stepsOf(events: readonly WireEvent[]): ReadonlyMap<number, string> {
  const steps = new Map<number, string>();
  for (const event of events) {
    const { name, state } = detailsOf(event);
    steps.set(event.id, name ?? state ?? steps.get(event.previousEventId ?? 0) ?? "");
  }
  return steps;
}

function summaryOf(event: WireEvent): string {
  const { error, cause, parameters, index } = detailsOf(event);
  if (error !== undefined) return [error, readMessage(cause)].filter((each) => each !== undefined).join(": ");
  if (index !== undefined) return `iteration ${index}`;
  const { FunctionName } = Object(readPayload(parameters)) as { readonly FunctionName?: unknown };
  return typeof FunctionName === "string" ? (FunctionName.split(":function:").at(-1) ?? "") : "";
}

function detailsOf(event: WireEvent): ReturnType<typeof readEvent>["details"] {
  return readEvent(event as unknown as Parameters<typeof readEvent>[0]).details;
}
