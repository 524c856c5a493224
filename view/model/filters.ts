import { RUN_OUTCOMES, type RunOutcome, type RunRow, type SecretRow } from "../wire.ts";

/** What the list shows; as members of the address' query. */
export interface Filters {
  readonly words: string;
  readonly outcome: RunOutcome | "";
  /** A secret's state, or "any" for those with something to look at. */
  readonly state: string;
  readonly owner: string;
}

export function readFilters(query: string): Filters {
  const given = new URLSearchParams(query);
  const outcome = RUN_OUTCOMES.find((each) => each === given.get("outcome")) ?? "";
  return {
    words: given.get("q") ?? "",
    outcome,
    state: given.get("state") ?? "",
    owner: given.get("owner") ?? "",
  };
}

/** With its "?"; "" where nothing is filtered. */
export function writeFilters({ words, outcome, state, owner }: Filters): string {
  const all = { q: words, outcome, state, owner };
  const given = new URLSearchParams(Object.entries(all).filter(([, value]) => value !== ""));
  const text = given.toString();
  return text === "" ? "" : `?${text}`;
}

export function filterSecrets(
  rows: readonly SecretRow[],
  { words, outcome, state, owner }: Filters,
): readonly SecretRow[] {
  return rows.filter(
    (row) =>
      has([row.name, row.owner ?? "", row.class], words) &&
      (outcome === "" || row.lastRun?.outcome === outcome) &&
      (owner === "" || row.owner === owner) &&
      (state === "" || isIn(row, state)),
  );
}

/** A state, an owner and a class are a secret's: of a run they are those of its secret. */
export function filterRuns(
  rows: readonly RunRow[],
  { words, outcome, state, owner }: Filters,
  secrets: readonly SecretRow[],
): readonly RunRow[] {
  const byName = new Map(secrets.map((secret) => [secret.name, secret]));
  return rows.filter((row) => {
    const secret = byName.get(row.secret ?? "");
    return (
      has([row.name, row.secret ?? "", secret?.owner ?? "", secret?.class ?? ""], words) &&
      (outcome === "" || outcomeOf(row) === outcome) &&
      (owner === "" || secret?.owner === owner) &&
      (state === "" || (secret !== undefined && isIn(secret, state)))
    );
  });
}

/** How many runs ended how; those whose outcome was not looked at yet count for nothing. */
export function countOutcomes(rows: readonly RunRow[]): ReadonlyMap<RunOutcome, number> {
  const counts = new Map<RunOutcome, number>();
  for (const row of rows) {
    const outcome = outcomeOf(row);
    if (outcome !== null) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts;
}

/** A status that tells by itself need not be looked at. */
export function outcomeOf({ outcome, status }: RunRow): RunOutcome | null {
  return outcome ?? (status === "RUNNING" || status === "PENDING_REDRIVE" ? "RUNNING" : null);
}

// --- internal ---

function isIn({ states }: SecretRow, state: string): boolean {
  return state === "any" ? states.length > 0 : states.includes(state);
}

function has(texts: readonly string[], words: string): boolean {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const text = texts.join(" ").toLowerCase();
  return wanted.every((word) => text.includes(word));
}
