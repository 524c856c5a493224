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
  const looks = looksOf(run);
  const looked = [...after, ...restored].flatMap((place) => [...(looks.steps.get(place)?.keys() ?? [])]);
  const baseline = snapshot.baseline.map(({ dependent }) => dependent);
  const names = new Set(
    [...snapshot.dependents, ...baseline, ...looked, ...items.keys()].filter((name) => name !== ""),
  );
  const before = new Map(snapshot.baseline.map((each) => [each.dependent, each]));
  const evidence = byDependent(snapshot.evidence);
  const back = byDependent(snapshot.restored);
  const rows = [...names].map((name) => {
    const known = before.get(name);
    const item = items.get(name);
    return {
      name,
      before: known ? healthCell(known.health, known.seen) : healthCell(item?.before ?? "", ""),
      after: seenCell(looks, name, after, evidence.get(name)) ?? toldCell(item?.after ?? null, item?.seen ?? null),
      restored: seenCell(looks, name, restored, back.get(name)) ?? toldCell(item?.restored ?? null, null),
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

interface Looks {
  /** By Map, then by dependent: the steps that looked at it. */
  readonly steps: ReadonlyMap<string, ReadonlyMap<string, readonly Step[]>>;
  /** Maps that are under way. */
  readonly open: ReadonlySet<string>;
}

function looksOf(run: Run): Looks {
  const looks = new Map<string, Map<string, Step[]>>();
  for (const step of run.steps) {
    const { map, item, outer } = step.iteration ?? {};
    if (map === undefined || item === undefined || outer !== undefined) continue;
    const ofMap = looks.get(map) ?? new Map<string, Step[]>();
    looks.set(map, ofMap);
    ofMap.set(item, [...(ofMap.get(item) ?? []), step]);
  }
  const maps = run.steps.filter(({ type, endedAt }) => type === "Map" && endedAt === undefined);
  return { steps: looks, open: new Set(run.status === "RUNNING" ? maps.map(({ name }) => name) : []) };
}

function byDependent(all: readonly Seen[]): ReadonlyMap<string, Seen> {
  return new Map(all.map((each) => [each.dependent, each]));
}

function healthCell(health: string, seen: string): DependentCell {
  if (health === "") return NOTHING;
  return { state: health === "healthy" ? "good" : "bad", says: health, because: seen };
}

/** What was made sure of last counts, then what the last look at it came to. */
function seenCell(
  looks: Looks,
  name: string,
  maps: readonly string[],
  sure: Seen | undefined,
): DependentCell | undefined {
  for (const map of maps) {
    const steps = looks.steps.get(map)?.get(name);
    if (steps === undefined) continue;
    const failed = steps.find(({ status }) => status === "failed");
    if (failed) {
      const last = failed.attempts.at(-1);
      return { state: "bad", says: last?.error ?? "failed", because: last?.message ?? "" };
    }
    if (sure) return strengthCell(sure.strength, sure.seen);
    const seen = steps.map(({ output }) => readSeen(output)).findLast((each) => each !== undefined);
    if (seen) return strengthCell(seen.strength, seen.seen);
    if (looks.open.has(map) || steps.some(({ status }) => status === "running" || status === "waiting-to-retry"))
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
