import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRun } from "../../../core/history.ts";
import { layOut } from "../../../view/model/layout.ts";
import { toHistory } from "../../../view/model/moments.ts";
import { edgeKey, visitsOf } from "../../../view/model/visits.ts";
import { entered, rotation } from "./wire.ts";

const definition = rotation();
/** What the page has at 1440 px. */
const WIDTH = 1376;

function drawn(names: readonly string[], { width = WIDTH, all = false } = {}) {
  const events = entered(...names);
  const visits = visitsOf(readRun(toHistory(events)), events, definition);
  return { visits, ...layOut(definition, visits, { width, all }) };
}

const BACK = [
  ...["Plan", "Mode", "CreateSecret", "SetSecret", "TestSecret", "ProbeCandidate", "FinishSecret"],
  ...["ConvergeDependents", "MayRollBack", "RollBack", "RestoreDependents", "NotifyRolledBack", "RolledBack"],
];

describe("the drawing", () => {
  test("fits in 1440 px and below 200 px of height while both lanes are seen whole", () => {
    const { width, height, nodes } = drawn(BACK);
    expect(width).toBe(WIDTH);
    expect(height).toBeLessThan(200);
    const lane = (name: string) => nodes.find((node) => node.name === name)?.lane;
    expect(["Plan", "Succeeded", "MayRollBack", "RolledBack"].map(lane)).toEqual([
      ...["happy", "happy", "unhappy", "unhappy"],
    ]);
  });

  test("folds detours and other ends that were not entered, and unfolds them where they were", () => {
    const folds = (names: readonly string[]) => drawn(names).folds.map(({ names: folded, end }) => end ?? folded);
    const soak = ["Soak", "VerifyAfterSoak", "ConfirmAfterSoak"];
    expect(folds(BACK)).toEqual([soak, "Rejected", "RollbackFailed", "NotConverged"]);
    expect(folds(["Plan", "Discard", "NotifyRejected"])).toEqual([soak, "RollbackFailed", "NotConverged"]);
    const soaked = [...BACK.slice(0, 8), "ConfirmEvidence", "Converged", "Soak", "VerifyAfterSoak"];
    expect(folds(soaked)).toEqual(["Rejected", "RollbackFailed", "NotConverged"]);
    const observed = ["Plan", "Mode", "ConvergeDependents"];
    expect(folds(observed)[0]).toEqual(BACK.slice(2, 7));
  });

  test("shows what stands aside only where it was entered, or all is wanted", () => {
    const aside = (names: readonly string[], all = false) =>
      drawn(names, { all }).nodes.filter(({ lane }) => lane === "aside").length;
    expect(aside(BACK)).toBe(0);
    expect(aside(["Plan", "Mode", "AwaitWindow", "Plan"])).toBe(1);
    expect(aside(BACK, true)).toBe(5);
  });

  const paths = fc.uniqueArray(fc.constantFrom(...definition.states.keys()), { maxLength: 12 });

  test("never has two states in the same place, is as wide as it says, and draws each way that was gone", () => {
    fc.assert(
      fc.property(paths, fc.integer({ min: 300, max: 2600 }), fc.boolean(), (names, width, all) => {
        const layout = drawn(names, { width, all });
        const boxes = [...layout.nodes, ...layout.folds];
        for (const [index, a] of boxes.entries()) {
          expect(a.x).toBeGreaterThanOrEqual(0);
          expect(a.y).toBeGreaterThanOrEqual(0);
          expect(a.x + a.width).toBeLessThanOrEqual(layout.width);
          expect(a.y + a.height).toBeLessThanOrEqual(layout.height);
          for (const b of boxes.slice(index + 1)) {
            const apart =
              a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
            expect(apart, `${JSON.stringify(a)} and ${JSON.stringify(b)}`).toBe(true);
          }
        }
        const taken = new Set(layout.edges.filter((edge) => edge.taken).map(({ from, to }) => edgeKey(from, to)));
        expect([...layout.visits.edges].filter((edge) => !taken.has(edge))).toEqual([]);
        const shown = new Set([...layout.nodes.map(({ name }) => name), ...layout.folds.flatMap((fold) => fold.names)]);
        expect(names.filter((name) => !shown.has(name))).toEqual([]);
        if (all) expect([...definition.states.keys()].filter((name) => !shown.has(name))).toEqual([]);
      }),
    );
  });
});
