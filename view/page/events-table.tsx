import { useMemo, useState } from "preact/hooks";
import { detailsOf, EVENT_KINDS, type EventKind, type EventRow, eventRows, filterEvents } from "../model/event-rows.ts";
import { count, duration } from "../model/words.ts";
import type { WireEvent } from "../wire.ts";
import { CopyCommand } from "./copy.tsx";
import { VirtualRows } from "./virtual-rows.tsx";

const ROW_PX = 23;

export interface EventsTableProps {
  readonly events: readonly WireEvent[];
  readonly command: string;
}

/** GetExecutionHistory's events as they are, but for what is hidden. */
export function EventsTable({ events, command }: EventsTableProps) {
  const [words, setWords] = useState("");
  const [kind, setKind] = useState<EventKind>("all");
  const [chosen, setChosen] = useState<number>();
  const rows = useMemo(() => eventRows(events), [events]);
  const shown = useMemo(() => filterEvents(rows, words, kind), [rows, words, kind]);
  const start = Date.parse(events[0]?.timestamp ?? "");
  const event = events.find(({ id }) => id === chosen);
  return (
    <div class="events">
      <div class="bar-of-filters">
        <input
          type="search"
          data-filter
          placeholder="Filter events"
          aria-label="Filter events"
          value={words}
          onInput={(change) => setWords(change.currentTarget.value)}
        />
        <select
          aria-label="Kind of events"
          value={kind}
          onChange={(change) => setKind(change.currentTarget.value as EventKind)}
        >
          {EVENT_KINDS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <span class="quiet" role="status">
          {count(shown.length, "event")}
        </span>
        <CopyCommand command={command} says="Copy as command" />
      </div>
      <VirtualRows<EventRow>
        class="events-rows"
        label="Events"
        rows={shown}
        rowHeight={ROW_PX}
        columns={5}
        keyOf={(row) => row.event.id}
        rowClass={(row) => (row.event.id === chosen ? "selected" : "")}
        empty="No event is like that."
        head={
          <>
            <th scope="col" class="number">
              Id
            </th>
            <th scope="col" class="number">
              At
            </th>
            <th scope="col">Type</th>
            <th scope="col">State</th>
            <th scope="col">About</th>
          </>
        }
        render={({ event: { id, timestamp, type }, state, says, isFailure }) => (
          <>
            <td class="number">{id}</td>
            <td class="number" title={timestamp}>
              +{duration(Date.parse(timestamp) - start)}
            </td>
            <th scope="row">
              <button
                type="button"
                class="link"
                data-row
                aria-pressed={id === chosen}
                onClick={() => setChosen(id === chosen ? undefined : id)}
              >
                {isFailure && <span class="sign bad">✕ </span>}
                {type}
              </button>
            </th>
            <td>{state}</td>
            <td class={isFailure ? "status bad" : ""}>{says}</td>
          </>
        )}
      />
      {event !== undefined && (
        <section class="one-event" aria-label={`Event ${event.id}`}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
          <pre tabIndex={0}>{JSON.stringify(detailsOf(event), null, 2).slice(0, 100_000)}</pre>
        </section>
      )}
    </div>
  );
}
