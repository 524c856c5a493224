import type { Definition } from "./definition.ts";
import type { Layout, PlacedEdge, PlacedNode } from "./layout.ts";
import { edgeEnds, edgeKey, type Visits } from "./visits.ts";

/** Where something is drawn. */
type Box = Pick<PlacedNode, "x" | "y" | "width" | "height" | "lane">;

/** The lines between what is drawn: those that were gone, and of the others those that lead on, or down. Pure. */
export function route(
  { nodes, folds }: Omit<Layout, "edges">,
  definition: Definition,
  visits: Visits,
  gap: number,
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

// --- internal ---

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
