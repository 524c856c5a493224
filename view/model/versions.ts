import type { Told } from "../wire.ts";
import type { LabelTable, Snapshot } from "./snapshot.ts";

export const INSTANTS = ["before", "during", "now"] as const;

export interface VersionRow {
  readonly id: string;
  readonly role: "candidate" | "base" | "other";
  /** Labels at each instant, sorted; undefined: they were not read then. */
  readonly before: readonly string[] | undefined;
  readonly during: readonly string[] | undefined;
  readonly now: readonly string[] | undefined;
}

/**
 * The versions and what their labels were: as the workflow read them, or, where the history came without its data, as people were told.
 * The base first, then the candidate. Pure.
 */
export function versionRows(snapshot: Snapshot, token: string, told: Told | null): readonly VersionRow[] {
  const { labels, base } = snapshot;
  const isRead = INSTANTS.some((instant) => labels[instant] !== undefined);
  const tables = isRead ? labels : tablesOf(told);
  const known = INSTANTS.flatMap((instant) => Object.keys(tables[instant] ?? {}));
  const ids = new Set([...(base === undefined ? [] : [base]), ...(token === "" ? [] : [token]), ...known]);
  const at = (table: LabelTable | undefined, id: string) => table && [...(table[id] ?? [])].sort();
  return [...ids].map((id) => ({
    id,
    role: id === token ? "candidate" : id === base ? "base" : "other",
    before: at(tables.before, id),
    during: at(tables.during, id),
    now: at(tables.now, id),
  }));
}

// --- internal ---

function tablesOf(told: Told | null): Snapshot["labels"] {
  const versions = told?.state.versions ?? [];
  const table = (instant: (typeof INSTANTS)[number]): LabelTable | undefined => {
    const read = versions.filter((each) => each[instant] !== null);
    return read.length === 0 ? undefined : Object.fromEntries(read.map((each) => [each.id, each[instant] ?? []]));
  };
  return { before: table("before"), during: table("during"), now: table("now") };
}
