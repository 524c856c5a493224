import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { judge, keyOf, rowsOf, type Told } from "./judge.mjs";

const SINGLES = "every fault at every effect: driven, one credential, forward";
const TABLE = `
| suite | what | counted | violations |
|---|---|---|---|
| faults | ${SINGLES} | 645 runs | 0 |
| faults | two faults that pass: native, one credential, forward | about 5,601 of 35,691 runs | 0 |
| kill | kill -9 of the whole process | about 76 kills | 0 |
| mutants | seeded bugs, half 1 | 79 mutants | 0 |
| | **all runs together** | **6,246 runs** | **0** |
`;
const FIGURES: readonly Told[] = [
  { suite: "faults", what: SINGLES, counted: "runs", count: 250, violations: 0, exact: true },
  {
    ...{ suite: "faults", what: "two faults that pass: native, one credential, forward", counted: "runs" },
    ...{ count: 60, of: 36_000, violations: 0, exact: false },
  },
  { suite: "kill", what: "kill -9 of the whole process", counted: "kills", count: 31, violations: 0, exact: false },
  { suite: "mutants", what: "seeded bugs, half 1", counted: "mutants", count: 79, of: 79, violations: 0, exact: true },
];
const [SINGLE, PAIR, KILL, MUTANT] = [0, 1, 2, 3];

describe("what a run has counted, against what is written down", () => {
  test("holds where fewer of the same were played", () => {
    expect(judge(TABLE, FIGURES)).toEqual([]);
  });

  test.each([SINGLE, PAIR, KILL, MUTANT])("is refused when figure %i is zero", (at) => {
    expect(judge(TABLE, changed(at, { count: 0 }))).toEqual([expect.stringMatching(/^nothing was counted: /)]);
  });

  test.each<[string, number, Partial<Told>]>([
    ["one bug is left out of those that are never thinned", MUTANT, { count: 78, of: 78 }],
    ["one bug is not tried", MUTANT, { count: 78 }],
    ["more were played than is written", SINGLE, { count: 646 }],
    ["there are others to choose from than is written", SINGLE, { count: 250, of: 646 }],
    ["there are far fewer to choose from than about so many", PAIR, { of: 30_000 }],
    ["there are far more to choose from than about so many", PAIR, { of: 42_000 }],
    ["what was about so many is exact by now", KILL, { exact: true }],
    ["something else was counted", KILL, { counted: "runs" }],
  ])("is refused when %s", (_why, at, change) => {
    expect(judge(TABLE, changed(at, change))).toEqual([
      expect.stringMatching(/^other than in the document, which has /),
    ]);
  });

  test("is refused when a promise was broken", () => {
    expect(judge(TABLE, changed(PAIR, { violations: 1 }))).toEqual([expect.stringMatching(/^promises were broken: /)]);
  });

  test("is refused when a row is missing, or nobody tells one any more", () => {
    const [row = ""] = TABLE.split("\n").filter((line) => line.startsWith("| kill"));
    expect(judge(TABLE.replace(row, ""), FIGURES)).toEqual([expect.stringMatching(/^not in the document: \| kill/)]);
    expect(judge(TABLE, FIGURES.slice(1))).toEqual([`told by no suite: | faults | ${SINGLES}`]);
  });
});

describe("npm run guarantees -- --check", () => {
  const program = new URL("write.mjs", import.meta.url).pathname;
  const document = new URL("../../docs/guarantees.md", import.meta.url);
  const directory = mkdtempSync(join(tmpdir(), "rotor-figures-"));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test("holds for what the document says of itself, and fails when one of it is zero", () => {
    const rows = [...rowsOf(readFileSync(document, "utf8"))];
    expect(rows.length).toBeGreaterThan(40);
    for (const [index, [key, row]] of rows.entries()) {
      const [, suite = "", what = ""] = key.split("| ").map((part) => part.trim());
      expect(keyOf({ suite, what })).toBe(key);
      keep(index, { suite, what, ...row, violations: 0 });
    }
    expect(run()).toEqual([0, expect.stringContaining(`holds for the ${rows.length} figures`)]);

    keep(0, { ...JSON.parse(readFileSync(join(directory, "0.json"), "utf8")), count: 0 });
    expect(run()).toEqual([1, expect.stringContaining("nothing was counted")]);
  });

  function keep(index: number, figure: object): void {
    writeFileSync(join(directory, `${index}.json`), JSON.stringify(figure));
  }

  function run(): readonly [number | null, string] {
    const env = { ...process.env, ROTOR_FIGURES: directory };
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, "--check"], { env, encoding: "utf8" });
    return [status, stdout + stderr];
  }
});

function changed(at: number, change: Partial<Told>): readonly Told[] {
  return FIGURES.map((figure, index) => (index === at ? { ...figure, ...change } : figure));
}
