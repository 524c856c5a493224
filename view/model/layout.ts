import type { Definition } from "./definition.ts";
import { type Lanes, lanesOf } from "./lanes.ts";
import { route } from "./route.ts";
import { edgeKey, type Visits } from "./visits.ts";

/** All in px. */
export interface PlacedNode {
  readonly name: string;
  readonly lane: "happy" | "unhappy" | "aside";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** States that were not entered, in the place of one. */
export interface Fold extends Omit<PlacedNode, "name"> {
  readonly names: readonly string[];
  /** What they would end as; undefined: they only lead on. */
  readonly end: string | undefined;
}

export interface PlacedEdge {
  readonly from: string;
  readonly to: string;
  readonly path: string;
  readonly taken: boolean;
  /** Whether it leads out of the happy path, or on from there. */
  readonly unhappy: boolean;
}

export interface Layout {
  readonly nodes: readonly PlacedNode[];
  readonly folds: readonly Fold[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

export interface LayoutOptions {
  /** What there is room for, in px. More is used where the nodes would get too narrow to be read. */
  readonly width: number;
  /** Draws states that were not entered, too. */
  readonly all: boolean;
}

/**
 * Two lanes: the happy path above, the ways that lead to no success below. What was not entered and is not needed to understand the
 * graph is folded. Pure.
 */
export function layOut(definition: Definition, visits: Visits, options: LayoutOptions): Layout {
  const lanes = lanesOf(definition);
  const happy = options.all ? lanes.happy.map(single) : foldDetours(lanes.happy, definition, visits);
  const unhappy = foldWays(lanes.unhappy, visits, options.all);
  const aside = lanes.aside.filter((name) => options.all || visits.steps.has(name));
  const size = sizeOf(happy, unhappy, definition, options.width);
  const placed = place({ happy, unhappy, aside }, lanes, definition, visits, size);
  return { ...placed, edges: route(placed, definition, visits, size.gap) };
}

// --- what is drawn ---

/** A state, or several that are folded. */
interface Item {
  readonly names: readonly string[];
  readonly folded: boolean;
  readonly end?: string | undefined;
}

function single(name: string): Item {
  return { names: [name], folded: false };
}

/** States in a row that nobody entered, where the run has gone past them, or does so unless a condition holds. */
function foldDetours(path: readonly string[], { states }: Definition, visits: Visits): readonly Item[] {
  const items: Item[] = [];
  for (let at = 0; at < path.length; ) {
    let end = at;
    while (end < path.length && !visits.steps.has(path[end] ?? "")) end += 1;
    while (end > at && !leadsPast(path[at - 1], path[end])) end -= 1;
    if (end > at) items.push({ names: path.slice(at, end), folded: true });
    else items.push(single(path[at] ?? ""));
    at = Math.max(at + 1, end);
  }
  return items;

  function leadsPast(from: string | undefined, to: string | undefined): boolean {
    if (from === undefined || to === undefined) return false;
    const edges = states.get(from)?.edges.filter((edge) => edge.to === to) ?? [];
    return visits.edges.has(edgeKey(from, to)) || edges.some(({ kind }) => kind === "default" || kind === "next");
  }
}

/** The way back is always drawn, another only where it was gone. */
function foldWays(ways: Lanes["unhappy"], { steps }: Visits, all: boolean): readonly Item[] {
  const [back, ...others] = ways;
  const gone = others.filter((way) => all || way.some((name) => steps.has(name)));
  const folded = others.filter((way) => !gone.includes(way));
  return [
    ...[...(back === undefined ? [] : [back]), ...gone].flatMap((way) => way.map(single)),
    ...folded.map((names) => ({ names, folded: true, end: names.at(-1) })),
  ];
}

// --- where ---

interface Size {
  /** Of a whole node; a choice is narrower. */
  readonly node: number;
  readonly gap: number;
  readonly width: number;
}

const NODE = { least: 80, most: 118, height: 46 };
const GAP = 15;
const SHARE = { choice: 0.74, fold: 0.44, end: 0.86 };
const AROUND = 6;

function shareOf({ names, folded, end }: Item, { states }: Definition): number {
  if (folded) return end === undefined ? SHARE.fold : SHARE.end;
  return states.get(names[0] ?? "")?.type === "Choice" ? SHARE.choice : 1;
}

function sizeOf(happy: readonly Item[], unhappy: readonly Item[], definition: Definition, width: number): Size {
  const shares = (items: readonly Item[]) => items.reduce((sum, item) => sum + shareOf(item, definition), 0);
  const longest = shares(happy) >= shares(unhappy) ? happy : unhappy;
  const gaps = (Math.max(happy.length, unhappy.length) - 1) * GAP + 2 * AROUND;
  const fits = (width - gaps) / Math.max(1, shares(longest));
  const node = Math.floor(Math.min(NODE.most, Math.max(NODE.least, fits)));
  return { node, gap: GAP, width: Math.max(width, Math.ceil(node * shares(longest) + gaps)) };
}

interface Drawn {
  readonly happy: readonly Item[];
  readonly unhappy: readonly Item[];
  readonly aside: readonly string[];
}

function place(
  { happy, unhappy, aside }: Drawn,
  lanes: Lanes,
  definition: Definition,
  visits: Visits,
  size: Size,
): Omit<Layout, "edges"> {
  const top = aside.length > 0 ? 46 : 22;
  const first = row(happy, "happy", AROUND, top, definition, size);
  const total = rowWidth(unhappy, definition, size);
  const target = Math.min(leftOf(first, unhappy, lanes, definition, visits), size.width - total - AROUND);
  const second = row(unhappy, "unhappy", Math.max(AROUND, target), top + NODE.height + GUTTER, definition, size);
  const above: PlacedNode[] = [];
  const ends: number[] = [];
  for (const name of aside) {
    // Where it leads to, or where it is entered from.
    const near = [...(definition.states.get(name)?.edges ?? []).map(({ to }) => to), ...entriesOf(name, definition)];
    const anchor = [...first, ...second].find((each) => "name" in each && near.includes(each.name));
    const width = Math.round(size.node * 0.95);
    const isBelow = anchor?.lane === "unhappy";
    const rowIndex = isBelow ? 1 : 0;
    const x = Math.max(anchor?.x ?? AROUND, ends[rowIndex] ?? AROUND);
    ends[rowIndex] = x + width + 8;
    const y = isBelow ? top + 2 * NODE.height + GUTTER + 14 : 2;
    above.push({ name, lane: "aside", x, y, width, height: 24 });
  }
  const placed = [...first, ...second];
  const lowest = Math.max(...[...placed, ...above].map(({ y, height }) => y + height));
  return {
    nodes: [...placed.filter((each) => "name" in each), ...above],
    folds: placed.filter((each) => "names" in each),
    width: Math.max(size.width, ...above.map(({ x, width }) => x + width + AROUND)),
    height: lowest + 18,
  };
}

/** Between the lanes: room for the lines that lead from one to the other. */
const GUTTER = 34;

function row(
  items: readonly Item[],
  lane: "happy" | "unhappy",
  left: number,
  y: number,
  definition: Definition,
  { node, gap }: Size,
): readonly (PlacedNode | Fold)[] {
  let x = left;
  return items.map((item) => {
    const width = Math.round(node * shareOf(item, definition));
    const at = { lane, x, y, width, height: NODE.height };
    x += width + gap;
    return item.folded ? { ...at, names: item.names, end: item.end } : { ...at, name: item.names[0] ?? "" };
  });
}

function rowWidth(items: readonly Item[], definition: Definition, { node, gap }: Size): number {
  return items.reduce((sum, item) => sum + Math.round(node * shareOf(item, definition)) + gap, -gap);
}

/** The lower lane begins below the state from which it was entered, or could be first. */
function leftOf(
  first: readonly (PlacedNode | Fold)[],
  unhappy: readonly Item[],
  lanes: Lanes,
  { states }: Definition,
  { edges }: Visits,
): number {
  const lower = new Set(lanes.unhappy.flat());
  const nodes = first.filter((each): each is PlacedNode => "name" in each);
  const entered = nodes.find(({ name }) => [...lower].some((to) => edges.has(edgeKey(name, to))));
  const heads = new Set(unhappy[0]?.names);
  const could = nodes.find(({ name }) => states.get(name)?.edges.some(({ to }) => heads.has(to)));
  return (entered ?? could)?.x ?? AROUND;
}

function entriesOf(name: string, { states }: Definition): readonly string[] {
  return [...states.values()].filter(({ edges }) => edges.some(({ to }) => to === name)).map((state) => state.name);
}
