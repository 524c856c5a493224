import type { DefinedState, Definition } from "./definition.ts";

/** Where the states of a definition are drawn. Each state of the main line is in exactly one of the three. */
export interface Lanes {
  /** The longest way to success: the happy path. */
  readonly happy: readonly string[];
  /** Ways that lead to no success, each to its end: the way back first, which is the longest. */
  readonly unhappy: readonly (readonly string[])[];
  /** What the happy path waits for or passes by, and pauses of the way back. */
  readonly aside: readonly string[];
}

/** Decides by the definition's edges alone: no state's name is known here. Pure. */
export function lanesOf({ startAt, states }: Definition): Lanes {
  const forward = withoutLoops(startAt, states);
  const good = reaching(states, ({ isEnd, type }) => isEnd && type !== "Fail");
  const happy = longestPath(startAt, (name) => (forward.get(name) ?? []).filter((to) => good.has(to)), states);
  const rest = [...states.keys()].filter((name) => !happy.includes(name));
  const aside = rest.filter((name) => good.has(name) || isPause(states, name));
  const unhappy: (readonly string[])[] = [];
  for (let left = rest.filter((name) => !aside.includes(name)); left.length > 0; ) {
    const among = new Set(left);
    const next = (name: string) => (forward.get(name) ?? []).filter((to) => among.has(to));
    const paths = left.map((name) => longestPath(name, next, states));
    const longest = paths.reduce((best, path) => (path.length > best.length ? path : best));
    unhappy.push(longest);
    left = left.filter((name) => !longest.includes(name));
  }
  return { happy, unhappy, aside };
}

// --- internal ---

type States = Definition["states"];

/** Edges but for those of a catch, and those that close a loop. */
function withoutLoops(startAt: string, states: States): ReadonlyMap<string, readonly string[]> {
  const kept = new Map<string, string[]>();
  const open = new Set<string>();
  const walk = (name: string): void => {
    if (kept.has(name)) return;
    const edges: string[] = [];
    kept.set(name, edges);
    open.add(name);
    for (const { to, kind } of states.get(name)?.edges ?? []) {
      if (kind !== "catch" && !open.has(to) && !edges.includes(to)) edges.push(to);
    }
    for (const to of edges) walk(to);
    open.delete(name);
  };
  for (const name of [startAt, ...states.keys()]) walk(name);
  return kept;
}

/** States from which such a state can be reached without an error. */
function reaching(states: States, isGoal: (state: DefinedState) => boolean): ReadonlySet<string> {
  const found = new Set([...states.values()].filter(isGoal).map(({ name }) => name));
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const { name, edges } of states.values()) {
      if (edges.some(({ to, kind }) => kind !== "catch" && found.has(to))) found.add(name);
    }
  }
  return found;
}

/** Of paths of the same length the one whose states are defined first. */
function longestPath(start: string, next: (name: string) => readonly string[], states: States): readonly string[] {
  const order = new Map([...states.keys()].map((name, index) => [name, index]));
  const known = new Map<string, readonly string[]>();
  const from = (name: string): readonly string[] => {
    const already = known.get(name);
    if (already) return already;
    const tails = [...next(name)].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0)).map(from);
    const longest = tails.reduce((best, tail) => (tail.length > best.length ? tail : best), [] as readonly string[]);
    const path = [name, ...longest];
    known.set(name, path);
    return path;
  };
  return from(start);
}

/** A Wait that goes back to where it came from. */
function isPause(states: States, name: string): boolean {
  const { type, edges = [] } = states.get(name) ?? {};
  if (type !== "Wait") return false;
  return edges.some(({ to }) => states.get(to)?.edges.some((back) => back.to === name));
}
