import { describe, expect, test } from "vitest";
import { readRun } from "../../../core/history.ts";
import { dependentRows } from "../../../view/model/dependents.ts";
import { runAt, toHistory } from "../../../view/model/moments.ts";
import { snapshotOf } from "../../../view/model/snapshot.ts";
import { versionRows } from "../../../view/model/versions.ts";
import { at, lambdaCause } from "../../history/events.ts";
import { wire } from "./wire.ts";

const json = JSON.stringify;
const plan = {
  ...{ base: "old", token: "new", labels: { old: ["AWSCURRENT"], new: ["AWSPENDING"] } },
  dependents: [{ name: "orders-api" }, { name: "billing-worker" }, { name: "reports-api" }],
  baseline: [
    { dependent: "orders-api", health: "healthy", seen: "it reports version old" },
    { dependent: "billing-worker", health: "unhealthy", seen: "503" },
  ],
};
const finish = { labels: { old: ["AWSPREVIOUS"], new: ["AWSCURRENT"] }, promotedAt: "2026-11-23T02:00:05Z" };
const rollback = { labels: { old: ["AWSCURRENT"], new: ["ROTATION_ROLLED_BACK"] } };
const strong = { dependent: "orders-api", strength: "strong", seen: "version new" };
const claimed = { dependent: "orders-api", strength: "claimed", seen: "version old" };

/** Promoted, then one of two dependents fails, and it is taken back. */
const EVENTS = wire(
  [1, 0, 0, "ExecutionStarted", { input: "{}" }],
  [2, 1, 0, "TaskStateEntered", { name: "Plan", input: "{}" }],
  [3, 2, 1, "TaskStateExited", { name: "Plan", output: "{}", assignedVariables: { plan: json(plan), finish: "null" } }],
  [4, 3, 1, "TaskStateEntered", { name: "FinishSecret", input: "{}" }],
  [5, 4, 5, "TaskStateExited", { name: "FinishSecret", output: "{}", assignedVariables: { finish: json(finish) } }],
  [6, 5, 5, "MapStateEntered", { name: "ConvergeDependents", input: "{}" }],
  [7, 6, 5, "MapStateStarted", { length: 2 }],
  [8, 7, 5, "MapIterationStarted", { name: "ConvergeDependents", index: 0 }],
  [9, 7, 5, "MapIterationStarted", { name: "ConvergeDependents", index: 1 }],
  [10, 8, 5, "TaskStateEntered", { name: "Verify", input: json({ dependent: "orders-api" }) }],
  [11, 9, 5, "TaskStateEntered", { name: "Verify", input: json({ dependent: "billing-worker" }) }],
  [12, 10, 6, "TaskScheduled", {}],
  [13, 11, 6, "TaskScheduled", {}],
  [14, 12, 7, "TaskSucceeded", { output: "{}" }],
  [15, 14, 7, "TaskStateExited", { name: "Verify", output: json(strong) }],
  [16, 13, 8, "TaskFailed", { error: "DependentUnhealthy", cause: lambdaCause("DependentUnhealthy", "422") }],
  [17, 16, 8, "MapIterationFailed", { name: "ConvergeDependents", index: 1 }],
  [18, 17, 8, "MapStateFailed", {}],
  [19, 18, 8, "MapStateExited", { name: "ConvergeDependents", output: "{}" }],
  [20, 19, 8, "TaskStateEntered", { name: "RollBack", input: "{}" }],
  [21, 20, 12, "TaskStateExited", { name: "RollBack", output: "{}", assignedVariables: { rollback: json(rollback) } }],
  [22, 21, 12, "MapStateEntered", { name: "RestoreDependents", input: "{}" }],
  [
    23,
    22,
    13,
    "MapStateExited",
    {
      ...{ name: "RestoreDependents", output: "{}" },
      assignedVariables: { restored: json([claimed]) },
    },
  ],
);
const history = toHistory(EVENTS);
const seenAfter = (events: number) => {
  const run = runAt(history, events, at(60));
  const snapshot = snapshotOf(run);
  return { versions: versionRows(snapshot, "new", null), dependents: dependentRows(run, snapshot, null) };
};

describe("the table of versions", () => {
  const labels = (events: number, id: string) => {
    const row = seenAfter(events).versions.find((each) => each.id === id);
    return [row?.before, row?.during, row?.now];
  };

  test("has at each instant what the workflow had read by then, and says of the rest that it was not read", () => {
    expect(labels(2, "new")).toEqual([undefined, undefined, undefined]);
    expect(labels(3, "new")).toEqual([["AWSPENDING"], undefined, undefined]);
    expect(labels(5, "new")).toEqual([["AWSPENDING"], ["AWSCURRENT"], undefined]);
    expect(labels(23, "new")).toEqual([["AWSPENDING"], ["AWSCURRENT"], ["ROTATION_ROLLED_BACK"]]);
    expect(labels(23, "old")).toEqual([["AWSCURRENT"], ["AWSPREVIOUS"], ["AWSCURRENT"]]);
    expect(seenAfter(23).versions.map(({ id, role }) => [id, role])).toEqual([
      ["old", "base"],
      ["new", "candidate"],
    ]);
  });

  test("is what people were told where the history came without its data", () => {
    const told = { state: { versions: [{ id: "new", before: null, during: ["AWSCURRENT"], now: [] }] } };
    const bare = snapshotOf(readRun(history.slice(0, 2)));
    const [row] = versionRows(bare, "new", told as unknown as Parameters<typeof versionRows>[2]);
    expect(row).toMatchObject({ id: "new", before: undefined, during: ["AWSCURRENT"], now: [] });
  });
});

describe("the matrix of dependents", () => {
  const row = (events: number, name: string) => {
    const found = seenAfter(events).dependents.find((each) => each.name === name);
    return [found?.before, found?.after, found?.restored].map((cell) => [cell?.state, cell?.says]);
  };

  test("says of each how it was before, how strongly it was seen on the new version, and on the old one again", () => {
    expect(row(23, "orders-api")).toEqual([
      ["good", "healthy"],
      ["good", "seen, strong"],
      ["weak", "seen, claimed"],
    ]);
    expect(row(23, "billing-worker")).toEqual([
      ["bad", "unhealthy"],
      ["bad", "DependentUnhealthy"],
      ["nothing", ""],
    ]);
    expect(row(23, "reports-api").map(([state]) => state)).toEqual(["nothing", "nothing", "nothing"]);
  });

  test("shows what is being looked at, and what failed first", () => {
    expect(row(13, "orders-api")[1]).toEqual(["running", "being looked at"]);
    expect(seenAfter(23).dependents[0]?.name).toBe("billing-worker");
    expect(seenAfter(23).dependents[0]?.after.because).toBe("422");
  });
});

test("payloads of somebody else's are read without a fault", () => {
  for (const payload of ["null", "3", '"text"', "[]", '{"labels":3,"baseline":{},"dependents":[null]}', "not json"]) {
    const events = wire(
      [1, 0, 0, "ExecutionStarted", { input: payload }],
      [2, 1, 0, "TaskStateEntered", { name: "Plan", input: payload }],
      [
        3,
        2,
        1,
        "TaskStateExited",
        { name: "Plan", output: payload, assignedVariables: { plan: payload, evidence: payload } },
      ],
    );
    const run = readRun(toHistory(events));
    expect(dependentRows(run, snapshotOf(run), null)).toEqual([]);
    expect(versionRows(snapshotOf(run), "", null)).toEqual([]);
  }
});
