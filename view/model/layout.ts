import type { Definition } from "./definition.ts";
import { type Lanes, lanesOf } from "./lanes.ts";
import { edgeEnds, edgeKey, type Visits } from "./visits.ts";

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
  return { ...placed, edges: route(placed, definition, visits, size) };
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

// --- lines ---

type Box = Pick<PlacedNode, "x" | "y" | "width" | "height" | "lane">;

function route(
  { nodes, folds }: Omit<Layout, "edges">,
  definition: Definition,
  visits: Visits,
  { gap }: Size,
): readonly PlacedEdge[] {
  const boxes = new Map<string, Box>(nodes.map((node) => [node.name, node]));
  for (const fold of folds) for (const name of fold.names) boxes.set(name, fold);
  const levels = new Map<string, number>();
  const found = new Map<string, PlacedEdge>();
  for (const { name, edges } of definition.states.values()) {
    for (const { to } of edges) {
      const [source, target] = [boxes.get(name), boxes.get(to)];
      if (source === undefined || target === undefined || source === target) continue;
      const key = edgeKey(name, to);
      const taken = visits.edges.has(key);
      const isNext = isRightNeighbour(source, target, gap);
      // What was not gone is drawn where it leads on, or down: all other lines of that kind would only cross each other.
      const leadsOn = isNext && !(source.lane === "unhappy" && (isFold(source) || isFold(target)));
      if (!taken && !leadsOn && !(source.lane === "happy" && target.lane === "unhappy")) continue;
      const unhappy = target.lane === "unhappy" || source.lane === "unhappy";
      found.set(key, { from: name, to, taken, unhappy, path: pathOf(source, target, isNext) });
    }
  }
  for (const key of visits.edges) {
    const [from = "", to = ""] = edgeEnds(key);
    const [source, target] = [boxes.get(from), boxes.get(to)];
    if (found.has(key) || source === undefined || target === undefined || source === target) continue;
    const unhappy = target.lane === "unhappy" || source.lane === "unhappy";
    found.set(key, { from, to, taken: true, unhappy, path: pathOf(source, target, false) });
  }
  // A line through a fold goes on behind it.
  return [...found.values()].sort((a, b) => Number(a.taken) - Number(b.taken));

  function pathOf(source: Box, target: Box, isNext: boolean): string {
    const middle = ({ x, width }: Box) => x + width / 2;
    const bottom = ({ y, height: high }: Box) => y + high;
    if (isNext) return `M${source.x + source.width} ${source.y + source.height / 2}H${target.x - 5}`;
    if (source.lane === "aside" || target.lane === "aside") {
      const [upper, lower] = source.y < target.y ? [source, target] : [target, source];
      const x = Math.min(Math.max(middle(source), target.x + 8), target.x + target.width - 8);
      const down = source === upper;
      const [from, to] = down ? [bottom(upper), lower.y - 5] : [lower.y, bottom(upper) + 5];
      return `M${x} ${from}V${to}`;
    }
    if (source.lane === target.lane) {
      const isUpper = source.lane === "happy";
      // Past the nodes between: above the upper lane, below the lower one.
      const level = isUpper ? source.y - 14 : bottom(source) + 14;
      const [edge, tip] = isUpper ? [source.y, target.y - 5] : [bottom(source), bottom(target) + 5];
      return bent(middle(source), edge, level, middle(target), tip);
    }
    const [from, to] = source.lane === "happy" ? [bottom(source), target.y - 5] : [source.y, bottom(target) + 5];
    const key = `${target.x}`;
    const level = levels.get(key) ?? levels.size;
    levels.set(key, level);
    const gutter = (source.lane === "happy" ? bottom(source) : bottom(target)) + 7 + (level % 4) * 5;
    return bent(middle(source), from, gutter, middle(target), to);
  }
}

function isFold(box: Box): boolean {
  return "names" in box;
}

function isRightNeighbour(source: Box, target: Box, gap: number): boolean {
  return source.lane === target.lane && source.y === target.y && Math.abs(source.x + source.width + gap - target.x) < 2;
}

/** Up or down, along, and on, with rounded corners. */
function bent(x1: number, y1: number, level: number, x2: number, y2: number): string {
  const along = x2 - x1;
  if (Math.abs(along) < 2) return `M${x1} ${y1}V${y2}`;
  const radius = Math.min(5, Math.abs(level - y1) / 2, Math.abs(y2 - level) / 2, Math.abs(along) / 2);
  const side = Math.sign(along) * radius;
  const [first, second] = [Math.sign(level - y1) * radius, Math.sign(y2 - level) * radius];
  return (
    `M${x1} ${y1}V${level - first}Q${x1} ${level} ${x1 + side} ${level}` +
    `H${x2 - side}Q${x2} ${level} ${x2} ${level + second}V${y2}`
  );
}
