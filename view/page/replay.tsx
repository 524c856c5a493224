import { count, duration } from "../model/words.ts";
import type { WireEvent } from "../wire.ts";

export interface ReplayProps {
  readonly events: readonly WireEvent[];
  /** How many of them are shown; undefined: all, and those that come. */
  readonly upTo: number | undefined;
  readonly onChange: (upTo: number | undefined) => void;
  readonly isRunning: boolean;
}

/** Goes back to any event: the whole page shows what was known then. */
export function Replay({ events, upTo, onChange, isRunning }: ReplayProps) {
  const shown = upTo ?? events.length;
  const start = Date.parse(events[0]?.timestamp ?? "");
  const at = Date.parse(events[shown - 1]?.timestamp ?? "") - start;
  const says = `${count(shown, "event")} of ${events.length.toLocaleString("en")}, +${duration(at) || "0 ms"}`;
  const move = (to: number) => onChange(to >= events.length ? undefined : Math.max(1, to));
  return (
    <section class="panel replay" aria-label="Replay">
      <button type="button" aria-label="One event back" disabled={shown <= 1} onClick={() => move(shown - 1)}>
        ‹
      </button>
      <input
        type="range"
        aria-label="Replay up to event"
        aria-valuetext={says}
        min={Math.min(1, events.length)}
        max={events.length}
        value={shown}
        onInput={(event) => move(Number(event.currentTarget.value))}
      />
      <button type="button" aria-label="One event on" disabled={upTo === undefined} onClick={() => move(shown + 1)}>
        ›
      </button>
      <span class="quiet says">{says}</span>
      <button type="button" disabled={upTo === undefined} onClick={() => onChange(undefined)}>
        {isRunning ? "Live" : "End"}
      </button>
    </section>
  );
}
