import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Run, Step } from "../../core/history.ts";
import type { Definition } from "../model/definition.ts";
import { type Fold, layOut, type PlacedNode } from "../model/layout.ts";
import type { Visits } from "../model/visits.ts";
import { duration } from "../model/words.ts";
import { signOf, toneOf } from "./status.tsx";

export interface GraphProps {
  readonly definition: Definition;
  readonly visits: Visits;
  readonly run: Run;
  readonly selected: string | undefined;
  readonly onSelect: (name: string) => void;
  /** "next try in 3 s", by state. */
  readonly notes: ReadonlyMap<string, string>;
}

/** The execution's own definition in two lanes, with what the run made of it. */
export function Graph({ definition, visits, run, selected, onSelect, notes }: GraphProps) {
  const [all, setAll] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const layout = useMemo(() => layOut(definition, visits, { width, all }), [definition, visits, width, all]);
  const isOpen = run.status === "RUNNING";
  return (
    <section class="panel graph" aria-label="Graph">
      <header>
        <h2 class="hidden">Graph</h2>
        <label>
          <input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> all states
        </label>
      </header>
      <div class="canvas" ref={frame}>
        <div class="drawing" style={{ width: `${layout.width}px`, height: `${layout.height}px` }}>
          <svg width={layout.width} height={layout.height} aria-hidden="true">
            <title>Lines between the states</title>
            <defs>
              {["good", "warn", "quiet"].map((tone) => (
                <marker
                  key={tone}
                  id={`tip-${tone}`}
                  viewBox="0 0 6 6"
                  refX="1"
                  refY="3"
                  markerWidth="6"
                  markerHeight="6"
                  orient="auto"
                >
                  <path d="M0 0L6 3L0 6z" class={`tip ${tone}`} />
                </marker>
              ))}
            </defs>
            {layout.edges.map(({ from, to, path, taken, unhappy }) => {
              const tone = taken ? (unhappy ? "warn" : "good") : "quiet";
              return <path key={`${from} ${to}`} d={path} class={`edge ${tone}`} marker-end={`url(#tip-${tone})`} />;
            })}
          </svg>
          {layout.folds.map((fold) => (
            <FoldedStates key={fold.names.join()} fold={fold} onOpen={() => setAll(true)} />
          ))}
          {layout.nodes.map((node) => (
            <StateNode
              key={node.name}
              node={node}
              type={definition.states.get(node.name)?.type ?? ""}
              comment={definition.states.get(node.name)?.comment}
              step={visits.steps.get(node.name)}
              inner={innerOf(run, node.name)}
              note={notes.get(node.name)}
              isOpen={isOpen}
              isSelected={selected === node.name}
              onSelect={() => onSelect(node.name)}
            />
          ))}
        </div>
      </div>
    </section>
  );
}

// --- internal ---

interface StateNodeProps {
  readonly node: PlacedNode;
  readonly type: string;
  readonly comment: string | undefined;
  readonly step: Step | undefined;
  readonly inner: string;
  readonly note: string | undefined;
  readonly isOpen: boolean;
  readonly isSelected: boolean;
  readonly onSelect: () => void;
}

function StateNode({ node, type, comment, step, inner, note, isOpen, isSelected, onSelect }: StateNodeProps) {
  const { name, x, y, width, height, lane } = node;
  const status = step?.status;
  const took = step === undefined || PASSED.has(step.type) ? "" : duration(step.durationMs);
  const tries =
    step !== undefined && step.type === "Task" && step.attempts.length > 1 ? `try ${step.attempts.length}` : "";
  const says = note ?? [inner.endsWith("failed") ? "" : took, tries, inner].filter(Boolean).join(" · ");
  const spoken = status?.replaceAll("-", " ") ?? (isOpen ? "not entered yet" : "not entered");
  return (
    <button
      type="button"
      class={`node ${type.toLowerCase()} ${lane} ${status === undefined ? "untaken" : toneOf(status)}`}
      aria-pressed={isSelected}
      title={comment ?? name}
      style={{ left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` }}
      onClick={onSelect}
    >
      <span class="name">
        {words(name).map((word) => (
          <span key={word}>{word}</span>
        ))}
      </span>
      <span class="hidden">{spoken}</span>
      <span class={lane === "aside" ? "hidden" : "says"}>
        <span aria-hidden="true">{status === undefined ? "·" : signOf(status)} </span>
        {says}
      </span>
    </button>
  );
}

function FoldedStates({ fold, onOpen }: { readonly fold: Fold; readonly onOpen: () => void }) {
  const { x, y, width, height, names, end } = fold;
  return (
    <button
      type="button"
      class="node fold untaken"
      title={`Not entered: ${names.join(", ")}`}
      style={{ left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` }}
      onClick={onOpen}
    >
      <span class="hidden">Show states that were not entered: {names.join(", ")}</span>
      {end === undefined ? (
        <span class="says">+{names.length}</span>
      ) : (
        <>
          <span class="name">
            {words(end).map((word) => (
              <span key={word}>{word}</span>
            ))}
          </span>
          <span class="says">· not taken</span>
        </>
      )}
    </button>
  );
}

const PASSED: ReadonlySet<string> = new Set(["Choice", "Pass", "Succeed", "Fail"]);

/** Of a Map: how many of its iterations have failed, or how many there were. */
function innerOf({ steps }: Run, map: string): string {
  const inside = steps.filter(({ iteration }) => iteration?.map === map);
  if (inside.length === 0) return "";
  const indexes = new Set(inside.map(({ iteration }) => iteration?.index));
  const failed = new Set(inside.filter(({ status }) => status === "failed").map(({ iteration }) => iteration?.index));
  return failed.size > 0 ? `${failed.size} of ${indexes.size} failed` : `all ${indexes.size}`;
}

/** A long name on two lines, about as long as each other: it is broken where a word begins. */
function words(name: string): readonly string[] {
  if (name.length < 11) return [name];
  const parts = name.split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[\s_-])/);
  let best = [name];
  for (let at = 1; at < parts.length; at += 1) {
    const pair = [parts.slice(0, at).join(""), parts.slice(at).join("")];
    if (longest(pair) < longest(best)) best = pair;
  }
  return best;
}

function longest(lines: readonly string[]): number {
  return Math.max(...lines.map((line) => line.length));
}

function useWidth(frame: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(1200);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const look = () => setWidth(element.clientWidth);
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}
