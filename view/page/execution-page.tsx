import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Run, Step } from "../../core/history.ts";
import { readDefinition } from "../model/definition.ts";
import { dependentRows } from "../model/dependents.ts";
import { LINES } from "../model/lines.ts";
import { runAt, toHistory } from "../model/moments.ts";
import { notesOf } from "../model/notes.ts";
import { snapshotOf } from "../model/snapshot.ts";
import { stepsOfKey, timelineOf } from "../model/timeline.ts";
import { versionRows } from "../model/versions.ts";
import { visitsOf } from "../model/visits.ts";
import { count, duration } from "../model/words.ts";
import type { ExecutionFile } from "../wire.ts";
import { Actions } from "./actions.tsx";
import { CopyCommand } from "./copy.tsx";
import { DependentsTable } from "./dependents-table.tsx";
import { Details } from "./details.tsx";
import { EventsTable } from "./events-table.tsx";
import { Graph } from "./graph.tsx";
import { useQuery } from "./query.ts";
import { Replay } from "./replay.tsx";
import { Timeline } from "./timeline.tsx";
import { Todo } from "./todo.tsx";
import { Verdict } from "./verdict.tsx";
import { VersionsTable } from "./versions-table.tsx";

const TABS = ["steps", "events"] as const;
const NOTHING: ReadonlySet<string> = new Set();
/** So many rows leave room below them at 1440x900. */
const SHORT = 10;

/** One execution, as it is, or as it was at any of its events. */
export function Execution({ file, links }: { readonly file: ExecutionFile; readonly links: ComponentChildren }) {
  const { run: head, events, told, definition: defined } = file;
  const [upTo, setUpTo] = useState<number>();
  const [selected, select] = useQuery("step");
  const [tab, setTab] = useQuery("tab");
  const definition = useMemo(() => readDefinition(defined), [defined]);
  const history = useMemo(() => toHistory(events), [events]);
  const isLive = upTo === undefined && (head.status === "RUNNING" || head.status === "PENDING_REDRIVE");
  const now = useNow(isLive, head.endedAt ?? file.readAt);
  const shown = Math.min(upTo ?? events.length, events.length);
  const run = useMemo(() => runAt(history, shown, now), [history, shown, now]);
  const part = useMemo(() => (shown === events.length ? events : events.slice(0, shown)), [events, shown]);
  const snapshot = useMemo(() => snapshotOf(run), [run]);
  const visits = useMemo(
    () => (definition === undefined ? undefined : visitsOf(run, part, definition)),
    [run, part, definition],
  );
  const states = definition?.all ?? new Map();
  const notes = notesOf(run, states, snapshot.variables, now);
  const steps = selected === "" ? undefined : stepsOfKey(run, selected);
  // What people were told at the end is not known before it.
  const heard = upTo === undefined ? told : null;
  const todo = heard !== null && <Todo told={heard} />;
  // Below the shorter of the two columns.
  const isShort = timelineOf(run, now, NOTHING).length < SHORT;
  const choose = (key: string) => select(key === selected ? "" : key);

  return (
    <main class="execution">
      <Verdict
        head={head}
        verdict={head.outcome === "RUNNING" ? goesOn(run, notes) : file.verdict}
        told={heard}
        run={run}
        events={shown}
        moment={upTo === undefined ? undefined : goesOn(run, notes)}
      >
        {upTo === undefined && <Actions actions={file.actions} run={head} />}
        {links}
        <CopyCommand
          command={head.status === "RUNNING" ? LINES.watch(head.name) : LINES.show(head.name)}
          says="Copy as command"
        />
      </Verdict>
      {definition !== undefined && visits !== undefined && (
        <Graph definition={definition} visits={visits} run={run} selected={selected} onSelect={choose} notes={notes} />
      )}
      <Replay events={events} upTo={upTo} onChange={setUpTo} isRunning={head.status === "RUNNING"} />
      <div class="columns">
        <div>
          <section class="panel" aria-label="Steps and events">
            <div class="tabs" role="tablist" aria-label="Steps or events">
              {TABS.map((name) => (
                <button
                  key={name}
                  type="button"
                  role="tab"
                  id={`tab-${name}`}
                  aria-selected={(tab || "steps") === name}
                  aria-controls="tab-panel"
                  tabIndex={(tab || "steps") === name ? 0 : -1}
                  onClick={() => setTab(name === "steps" ? "" : name)}
                  onKeyDown={(event) => {
                    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
                    const other = name === "steps" ? "events" : "steps";
                    setTab(other === "steps" ? "" : other);
                    document.getElementById(`tab-${other}`)?.focus();
                  }}
                >
                  {name === "steps" ? "Timeline" : `Events (${shown.toLocaleString("en")})`}
                </button>
              ))}
            </div>
            <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab || "steps"}`}>
              {tab === "events" ? (
                <EventsTable events={part} command={LINES.events(head.name)} />
              ) : (
                <Timeline run={run} now={now} selected={selected} onSelect={({ key }) => choose(key)} notes={notes} />
              )}
            </div>
          </section>
          {isShort && todo}
        </div>
        <div class="side">
          {steps === undefined ? (
            <>
              <VersionsTable rows={versionRows(snapshot, head.token, heard)} truth={heard?.state.truthTable ?? null} />
              <DependentsTable rows={dependentRows(run, snapshot, heard)} />
              {!isShort && todo}
            </>
          ) : (
            <Details
              title={steps[0]?.iteration?.item ?? steps[0]?.name ?? selected}
              steps={steps}
              states={states}
              command={stepLine(head.name, steps)}
              note={notes.get(selected)}
              onClose={() => select("")}
            />
          )}
        </div>
      </div>
    </main>
  );
}

// --- internal ---

/** A second hand while something is under way, and never behind what was read; else that time. */
function useNow(isLive: boolean, readAt: string): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    if (!isLive) return;
    const timer = setInterval(() => setNow(new Date()), 1000);
    return () => clearInterval(timer);
  }, [isLive]);
  const read = useMemo(() => new Date(readAt), [readAt]);
  return isLive && now > read ? now : read;
}

/** Of a dependent's steps the one that failed, or else the last. A state that was not entered has nothing to be shown. */
function stepLine(run: string, steps: readonly Step[]): string {
  const told = steps.find(({ status }) => status === "failed") ?? steps.at(-1);
  return told === undefined ? LINES.show(run) : LINES.step(run, told.name);
}

/** What is under way, or was at that moment. */
function goesOn(run: Run, notes: ReadonlyMap<string, string>): string {
  const last = run.steps.findLast(({ iteration }) => iteration === undefined);
  if (last === undefined) return "It has begun.";
  const tries = last.type === "Task" && last.attempts.length > 1 ? `, try ${last.attempts.length}` : "";
  const note = notes.get(last.name);
  const inner = run.steps.filter(
    ({ iteration, status }) => iteration?.map === last.name && status === "running",
  ).length;
  const of = inner > 0 ? `, ${count(inner, "dependent")} under way` : "";
  if (run.status !== "RUNNING") return `It has ended in ${last.name}, after ${duration(run.durationMs)}.`;
  return `${last.name} ${last.endedAt === undefined ? "is under way" : "is done"}${tries}${note === undefined ? "" : `: ${note}`}${of}.`;
}
