import type { Run, Step } from "../../core/history.ts";
import type { Told } from "../wire.ts";
import { readSeen, type Seen, type Snapshot } from "./snapshot.ts";

/** What is known of one dependent at one of three instants. */
export interface DependentCell {
  readonly state: "good" | "weak" | "bad" | "running" | "nothing";
  /** In words, short enough for a cell: "seen, strong". */
  readonly says: string;
  /** What was seen, or what failed. */
  readonly because: string;
}

export interface DependentRow {
  readonly name: string;
  readonly before: DependentCell;
  /** After the new version was promoted. */
  readonly after: DependentCell;
  /** After the rollback. */
  readonly restored: DependentCell;
}

/** Each dependent at three instants: healthy before, seen on the new version, seen on the old one again. Failures first. Pure. */
export function dependentRows(run: Run, snapshot: Snapshot, told: Told | null): readonly DependentRow[] {
  const items = new Map((told?.dependents.items ?? []).map((item) => [item.name, item]));
  const { after, restored } = PLACES;
  const looked = [...after, ...restored]
    .flatMap((place) => stepsIn(run, place))
    .flatMap(({ iteration }) => {
      return iteration?.item ?? [];
    });
  const baseline = snapshot.baseline.map(({ dependent }) => dependent);
  const names = new Set(
    [...snapshot.dependents, ...baseline, ...looked, ...items.keys()].filter((name) => name !== ""),
  );
  const rows = [...names].map((name) => {
    const known = snapshot.baseline.find(({ dependent }) => dependent === name);
    const item = items.get(name);
    return {
      name,
      before: known ? healthCell(known.health, known.seen) : healthCell(item?.before ?? "", ""),
      after: seenCell(run, name, after, snapshot.evidence) ?? toldCell(item?.after ?? null, item?.seen ?? null),
      restored: seenCell(run, name, restored, snapshot.restored) ?? toldCell(item?.restored ?? null, null),
    };
  });
  return [...rows].sort((a, b) => Number(isBad(b)) - Number(isBad(a)));
}

// --- internal ---

/** The Maps in which dependents are looked at, those that count most first. */
const PLACES = { after: ["VerifyAfterSoak", "ConvergeDependents"], restored: ["RestoreDependents"] } as const;

const NOTHING: DependentCell = { state: "nothing", says: "", because: "" };

function isBad({ before, after, restored }: DependentRow): boolean {
  return [before, after, restored].some(({ state }) => state === "bad");
}

function stepsIn(run: Run, map: string): readonly Step[] {
  return run.steps.filter(({ iteration }) => iteration?.map === map && iteration.outer === undefined);
}

function healthCell(health: string, seen: string): DependentCell {
  if (health === "") return NOTHING;
  return { state: health === "healthy" ? "good" : "bad", says: health, because: seen };
}

/** What was made sure of last counts, then what the last look at it came to. */
function seenCell(
  run: Run,
  name: string,
  maps: readonly string[],
  confirmed: readonly Seen[],
): DependentCell | undefined {
  const sure = confirmed.find(({ dependent }) => dependent === name);
  for (const map of maps) {
    const steps = stepsIn(run, map).filter(({ iteration }) => iteration?.item === name);
    if (steps.length === 0) continue;
    const failed = steps.find(({ status }) => status === "failed");
    if (failed) {
      const last = failed.attempts.at(-1);
      return { state: "bad", says: last?.error ?? "failed", because: last?.message ?? "" };
    }
    if (sure) return strengthCell(sure.strength, sure.seen);
    const seen = steps.map(({ output }) => readSeen(output)).findLast((each) => each !== undefined);
    if (seen) return strengthCell(seen.strength, seen.seen);
    if (steps.some(({ status }) => status === "running" || status === "waiting-to-retry"))
      return { state: "running", says: "being looked at", because: "" };
    return { state: "nothing", says: "cut short", because: "Another dependent failed first." };
  }
  return sure && strengthCell(sure.strength, sure.seen);
}

function toldCell(strength: string | null, seen: string | null): DependentCell {
  return strength === null ? NOTHING : strengthCell(strength, seen ?? "");
}

function strengthCell(strength: string, because: string): DependentCell {
  if (strength === "none") return { state: "bad", says: "not seen", because };
  return { state: strength === "strong" ? "good" : "weak", says: `seen, ${strength}`, because };
}
