import { stripVTControlCharacters } from "node:util";
import { createColors } from "picocolors";
import { describe, expect, test } from "vitest";
import { readRun } from "../../../core/history.ts";
import {
  renderDependents,
  renderDuration,
  renderLabelTable,
  renderMessages,
  renderSteps,
} from "../../../core/terminal/run-text.ts";
import { at, history, type Line, lambdaCause } from "../../history/events.ts";

const plain = createColors(false);

// Plan, retried; a Map of two in which one fails; roll-back under way.
const LINES: readonly Line[] = [
  [1, 0, 0, "ExecutionStarted", {}],
  [2, 0, 0, "TaskStateEntered", { name: "Plan" }],
  [3, 2, 0, "TaskScheduled"],
  [4, 3, 0.1, "TaskFailed", { error: "Throttled" }],
  [5, 4, 2, "TaskScheduled"],
  [6, 5, 2.5, "TaskSucceeded"],
  [7, 6, 2.5, "TaskStateExited", { name: "Plan" }],
  [8, 7, 2.5, "ChoiceStateEntered", { name: "Mode" }],
  [9, 8, 2.5, "ChoiceStateExited", { name: "Mode" }],
  [10, 9, 2.5, "MapStateEntered", { name: "Converge" }],
  [11, 10, 2.5, "MapStateStarted", { length: 2 }],
  [12, 11, 2.5, "MapIterationStarted", { name: "Converge", index: 0 }],
  [13, 11, 2.5, "MapIterationStarted", { name: "Converge", index: 1 }],
  [14, 12, 2.5, "TaskStateEntered", { name: "Refresh", input: '{"dependent":"orders-api"}' }],
  [15, 13, 2.5, "TaskStateEntered", { name: "Refresh", input: '{"dependent":"billing-worker"}' }],
  [16, 14, 2.5, "TaskScheduled"],
  [17, 15, 2.5, "TaskScheduled"],
  [
    18,
    17,
    2.6,
    "TaskFailed",
    { error: "DependentUnhealthy", cause: lambdaCause("DependentUnhealthy", "It said 422.") },
  ],
  [19, 18, 2.6, "MapIterationFailed", { name: "Converge", index: 1 }],
  [20, 18, 2.6, "MapIterationAborted", { name: "Converge", index: 0 }],
  [21, 18, 2.6, "MapStateFailed"],
  [22, 21, 2.6, "MapStateExited", { name: "Converge" }],
  [23, 22, 2.6, "TaskStateEntered", { name: "RollBack" }],
  [24, 23, 2.6, "TaskScheduled"],
];

describe("steps", () => {
  test("are shown with their tries, durations, iterations and errors; what only leads from one to another is not", () => {
    const steps = renderSteps(readRun(history(...LINES), at(3)), plain);
    expect(steps.flatMap(({ lines }) => lines)).toEqual([
      "✓ Plan                     2.5 s  2 tries: Throttled, ok",
      "! Converge                100 ms",
      "  - orders-api            Refresh 100 ms",
      "  ✗ billing-worker        Refresh 100 ms  DependentUnhealthy",
      "    DependentUnhealthy: It said 422.",
      "▸ RollBack                400 ms",
    ]);
  });

  test("have ended only when nothing more can come: a step that a loop may enter again has not", () => {
    const ended = (count: number) =>
      renderSteps(readRun(history(...LINES.slice(0, count))), plain).map((step) => [step.name, step.ended]);
    expect(ended(6)).toEqual([["Plan", false]]);
    expect(ended(7)).toEqual([["Plan", false]]);
    expect(ended(10)).toEqual([
      ["Plan", true],
      ["Converge", false],
    ]);
  });

  test("all have ended with the execution", () => {
    const run = readRun(history(...LINES, [25, 24, 4, "ExecutionAborted", {}]));
    expect(renderSteps(run, plain).map(({ ended }) => ended)).toEqual([true, true, true]);
  });

  test("a Map without items says so", () => {
    const run = readRun(
      history(
        [1, 0, 0, "ExecutionStarted", {}],
        [2, 0, 0, "MapStateEntered", { name: "ProbeCandidate" }],
        [3, 2, 0, "MapStateStarted", { length: 0 }],
        [4, 3, 0, "MapStateSucceeded"],
        [5, 3, 0, "MapStateExited", { name: "ProbeCandidate" }],
      ),
    );
    expect(renderSteps(run, plain)[0]?.lines).toEqual(["✓ ProbeCandidate            0 ms  nothing to do"]);
  });

  test("a waiting retry is neither running nor failed", () => {
    const [plan] = renderSteps(readRun(history(...LINES.slice(0, 4)), at(1)), plain);
    expect(plan?.lines[0]).toMatch(/^↻ Plan +1\.0 s/);
  });

  test("of many tries the last ones are named", () => {
    const tries = Array.from({ length: 6 }, (_, index): readonly Line[] => [
      [3 + index * 2, 2 + index * 2, index, "TaskScheduled"],
      [4 + index * 2, 3 + index * 2, index, "TaskFailed", { error: `Error${index}` }],
    ]);
    const run = readRun(history(LINES[0] as Line, LINES[1] as Line, ...tries.flat()));
    expect(renderSteps(run, plain)[0]?.lines[0]).toContain("6 tries: ..., Error2, Error3, Error4, Error5");
  });

  test("colours only add to what is said without them", () => {
    const run = readRun(history(...LINES), at(3));
    const text = (colors: typeof plain) => renderSteps(run, colors).flatMap(({ lines }) => lines);
    const coloured = text(createColors(true)).join("\n");
    expect(coloured).toContain("\u001b[");
    expect(stripVTControlCharacters(coloured)).toBe(text(plain).join("\n"));
  });
});

test("the label table has a row for every version, and tells unread from empty", () => {
  const labels = {
    before: { "aaaaaaaa-1": ["AWSCURRENT"], "cccccccc-3": ["AWSPREVIOUS"] },
    during: null,
    now: { "aaaaaaaa-1": ["AWSCURRENT"], "bbbbbbbb-2": ["ROTATION_ROLLED_BACK"] },
  };
  expect(renderLabelTable({ labels, base: "aaaaaaaa-1", token: "bbbbbbbb-2" }, plain)).toEqual([
    "version       before       during    now",
    "aaaaaaaa old  AWSCURRENT   not read  AWSCURRENT",
    "bbbbbbbb new  -            not read  ROTATION_ROLLED_BACK",
    "cccccccc      AWSPREVIOUS  not read  -",
  ]);
});

test("dependents are shown with what was seen of them, and how strong that is", () => {
  const lines = renderDependents(
    {
      baseline: [{ dependent: "orders-api", health: "healthy", seen: "it works" }],
      after: [{ dependent: "orders-api", strength: "strong", seen: "the target saw it" }],
      restored: [{ dependent: "late", strength: "none", seen: "no answer" }],
    },
    plain,
  );
  expect(lines).toEqual([
    "dependent   before     on the new version  back on the old",
    "orders-api  healthy    seen, strong        -",
    "late        not known  -                   not seen",
    "orders-api: the target saw it",
    "late: no answer",
  ]);
});

test("messages are shown by topic, with the subject where there is one", () => {
  const common = { event: "rotation.succeeded", severity: "notice", id: "rot-1:SUCCEEDED" };
  expect(
    renderMessages(
      [
        { ...common, topic: "events" },
        { ...common, topic: "email", subject: "[OK] rotated" },
      ],
      plain,
    ),
  ).toEqual([
    "events  rotation.succeeded  notice, rot-1:SUCCEEDED",
    "email   [OK] rotated        notice, rot-1:SUCCEEDED",
  ]);
  expect(renderMessages([], plain)).toEqual(["no message was sent"]);
});

test("durations are whole ms below a second, then tenths of seconds", () => {
  expect([0, 12.4, 999, 1000, 61_234, undefined].map(renderDuration)).toEqual([
    "0 ms",
    "12 ms",
    "999 ms",
    "1.0 s",
    "61.2 s",
    "",
  ]);
});
