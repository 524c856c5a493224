import { useEffect, useMemo, useState } from "preact/hooks";
import { countOutcomes, type Filters, filterRuns, filterSecrets, readFilters, writeFilters } from "../model/filters.ts";
import { LINES } from "../model/lines.ts";
import { count, plain } from "../model/words.ts";
import { RUN_OUTCOMES } from "../wire.ts";
import type { Connection } from "./api.ts";
import { CopyCommand } from "./copy.tsx";
import { RunsTable } from "./runs-table.tsx";
import { SecretsTable } from "./secrets-table.tsx";
import { signOf, toneOf } from "./status.tsx";
import { useList } from "./use-list.ts";

/** The secrets and the newest runs, and how many of them ended how. */
export function List({ onConnection }: { readonly onConnection: (to: Connection) => void }) {
  const list = useList(onConnection);
  const [filters, setFilters] = useState<Filters>(() => readFilters(location.search));
  const change = (part: Partial<Filters>) => {
    const next = { ...filters, ...part };
    history.replaceState(history.state, "", `${location.pathname}${writeFilters(next)}`);
    setFilters(next);
  };
  useEffect(() => {
    document.title = "Rotations - Rotor";
  }, []);
  const { secrets, runs } = list;
  const shownSecrets = useMemo(() => filterSecrets(secrets, filters), [secrets, filters]);
  const shownRuns = useMemo(() => filterRuns(runs, filters, secrets), [runs, filters, secrets]);
  const counted = useMemo(
    () => countOutcomes(filterRuns(runs, { ...filters, outcome: "" }, secrets)),
    [runs, filters, secrets],
  );
  const states = [...new Set(secrets.flatMap((secret) => secret.states))].sort();
  const owners = [...new Set(secrets.flatMap(({ owner }) => owner ?? []))].sort();
  const overdue = secrets.filter((secret) => secret.overdueSeconds > 0).length;
  return (
    <main class="list">
      <h1 class="hidden">Rotations</h1>
      <section class="panel counts" aria-label="Runs by outcome">
        {RUN_OUTCOMES.filter(
          (outcome) => counted.has(outcome) || outcome === filters.outcome || outcome === "RUNNING",
        ).map((outcome) => (
          <button
            key={outcome}
            type="button"
            class={`count ${toneOf(outcome)}`}
            aria-pressed={filters.outcome === outcome}
            onClick={() => change({ outcome: filters.outcome === outcome ? "" : outcome })}
          >
            <b>{(counted.get(outcome) ?? 0).toLocaleString("en")}</b>
            <span>
              <span aria-hidden="true">{signOf(outcome)} </span>
              {outcome === "RUNNING" ? "running now" : plain(outcome)}
            </span>
          </button>
        ))}
        <button
          type="button"
          class={`count ${overdue > 0 ? "bad" : "good"}`}
          aria-pressed={filters.state === "overdue"}
          onClick={() => change({ state: filters.state === "overdue" ? "" : "overdue" })}
        >
          <b>{overdue}</b>
          <span>
            <span aria-hidden="true">{overdue > 0 ? "✕" : "✓"} </span>
            overdue
          </span>
        </button>
      </section>
      <search class="bar-of-filters">
        <input
          type="search"
          data-filter
          placeholder="Filter by name, owner, class"
          aria-label="Filter by name, owner, class"
          value={filters.words}
          onInput={(event) => change({ words: event.currentTarget.value })}
        />
        <select
          aria-label="State of secrets"
          value={filters.state}
          onChange={(event) => change({ state: event.currentTarget.value })}
        >
          <option value="">any state</option>
          <option value="any">something to look at</option>
          {[...new Set([...states, ...(["", "any"].includes(filters.state) ? [] : [filters.state])])].map((state) => (
            <option key={state}>{state}</option>
          ))}
        </select>
        <select
          aria-label="Owner"
          value={filters.owner}
          onChange={(event) => change({ owner: event.currentTarget.value })}
        >
          <option value="">any owner</option>
          {[...new Set([...owners, ...(filters.owner === "" ? [] : [filters.owner])])].map((owner) => (
            <option key={owner}>{owner}</option>
          ))}
        </select>
        <button
          type="button"
          disabled={writeFilters(filters) === ""}
          onClick={() => change({ words: "", outcome: "", state: "", owner: "" })}
        >
          Clear
        </button>
        <span class="quiet grow" role="status">
          {list.problem ?? list.reading ?? (list.isRead ? "" : "Reading …")}
        </span>
      </search>
      <section class="panel" aria-labelledby="secrets-title">
        <header>
          <h2 id="secrets-title">{count(shownSecrets.length, "secret")}</h2>
          <CopyCommand command={LINES.secrets(filters)} />
        </header>
        <SecretsTable rows={shownSecrets} />
      </section>
      <section class="panel" aria-labelledby="runs-title">
        <header>
          <h2 id="runs-title">
            {count(shownRuns.length, "run")}
            {list.more && <span class="quiet"> of the newest {runs.length.toLocaleString("en")}</span>}
          </h2>
          <CopyCommand
            command={LINES.runs(
              filters,
              secrets.map(({ name }) => name),
            )}
          />
        </header>
        <RunsTable rows={shownRuns} />
      </section>
    </main>
  );
}
