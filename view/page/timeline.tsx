import { useMemo, useState } from "preact/hooks";
import type { Run } from "../../core/history.ts";
import { type Segment, type TimelineRow, timelineOf, visibleSegments } from "../model/timeline.ts";
import { count, duration } from "../model/words.ts";
import { Status } from "./status.tsx";
import { VirtualRows } from "./virtual-rows.tsx";

export interface TimelineProps {
  readonly run: Run;
  readonly now: Date;
  readonly selected: string | undefined;
  /** A row's key, and the step that is looked at. */
  readonly onSelect: (row: TimelineRow) => void;
  readonly notes: ReadonlyMap<string, string>;
}

/** Iterations that are more than that are unfolded one by one only. */
const ROW_PX = 23;

/** Each step on a line, with a bar that has a segment for each try and for each pause between tries. */
export function Timeline({ run, now, selected, onSelect, notes }: TimelineProps) {
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => timelineOf(run, now, unfolded), [run, now, unfolded]);
  const totalMs = Math.max(1, run.durationMs ?? 1);
  const toggle = (key: string) => {
    const next = new Set(unfolded);
    if (!next.delete(key)) next.add(key);
    setUnfolded(next);
  };
  return (
    <VirtualRows
      class="timeline"
      label="Timeline"
      rows={rows}
      rowHeight={ROW_PX}
      columns={5}
      keyOf={({ key }) => key}
      rowClass={({ key, depth }) => `depth${depth}${key === selected ? " selected" : ""}`}
      empty="No state was entered yet."
      head={
        <>
          <th scope="col">Step</th>
          <th scope="col">Status</th>
          <th scope="col" class="number">
            Tries
          </th>
          <th scope="col" class="number">
            Took
          </th>
          <th scope="col" class="bar">
            <span class="scale">
              <span>0</span>
              <span>{duration(totalMs)}</span>
            </span>
          </th>
        </>
      }
      render={(row) => (
        <>
          <th scope="row">
            {row.depth === 1 && (
              <button
                type="button"
                class="unfold"
                aria-expanded={unfolded.has(row.key)}
                aria-label={`Steps of ${row.label}`}
                onClick={() => toggle(row.key)}
              >
                {unfolded.has(row.key) ? "▾" : "▸"}
              </button>
            )}
            <button
              type="button"
              class="link"
              data-row
              aria-pressed={row.key === selected}
              onClick={() => onSelect(row)}
            >
              {row.label}
            </button>
          </th>
          <td>
            <Status of={row.status} {...says(row, notes)} />
          </td>
          <td class="number">{row.tries > 0 ? row.tries : ""}</td>
          <td class="number">{duration(row.durationMs)}</td>
          <td class="bar">
            <Bar segments={row.segments} totalMs={totalMs} />
          </td>
        </>
      )}
    />
  );
}

// --- internal ---

function says(row: TimelineRow, notes: ReadonlyMap<string, string>): { readonly says?: string } {
  const note = notes.get(row.key);
  if (note !== undefined) return { says: note };
  if (row.steps.length === 1 && row.steps[0]?.type === "Fail") return { says: "the end" };
  if (row.status === "caught") return { says: "failed, caught" };
  if (row.depth === 0 && row.inner === 0 && row.steps[0]?.type === "Map" && row.status === "succeeded")
    return { says: "nothing to do" };
  return {};
}

function Bar({ segments, totalMs }: { readonly segments: readonly Segment[]; readonly totalMs: number }) {
  const shown = visibleSegments(segments, totalMs);
  const share = (milliseconds: number) => `${Math.min(100, Math.max(0, (milliseconds / totalMs) * 100))}%`;
  const spoken =
    shown.length > 12 ? count(segments.length, "stretch", "stretches") : shown.map(({ says }) => says).join("; ");
  return (
    <span class="track" role="img" aria-label={spoken}>
      {shown.map((segment, index) => (
        <span
          key={index}
          class={`segment ${segment.kind}`}
          title={`${segment.says}, ${duration(segment.to - segment.from)}`}
          style={{ left: share(segment.from), width: share(segment.to - segment.from) }}
        />
      ))}
    </span>
  );
}
