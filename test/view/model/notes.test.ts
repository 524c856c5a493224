import { expect, test } from "vitest";
import { readRun } from "../../../core/history.ts";
import { toHistory } from "../../../view/model/moments.ts";
import { notesOf } from "../../../view/model/notes.ts";
import { at, type Line } from "../../history/events.ts";
import { rotation, wire } from "./wire.ts";

const states = rotation().all;
const BEGUN: Line = [1, 0, 0, "ExecutionStarted", { input: "{}" }];

function note(name: string, seconds: number, lines: readonly Line[], variables = {}): string | undefined {
  const run = readRun(toHistory(wire(BEGUN, ...lines)), at(seconds));
  return notesOf(run, states, variables, at(seconds)).get(name);
}

const NOT_READY: readonly Line[] = [
  [2, 1, 0, "TaskStateEntered", { name: "CreateSecret", input: "{}" }],
  [3, 2, 0, "TaskScheduled", {}],
  [4, 3, 1, "TaskFailed", { error: "CandidateNotReady", cause: "no" }],
];
const REFUSED: readonly Line[] = [
  [2, 1, 0, "TaskStateEntered", { name: "SetSecret", input: "{}" }],
  [3, 2, 0, "TaskScheduled", {}],
  [4, 3, 10, "TaskFailed", { error: "TargetUnavailable", cause: "no" }],
];

test("a state that has failed says in how many seconds it is tried again, by its own definition", () => {
  expect(note("CreateSecret", 1.2, NOT_READY)).toBe("next try in 1 s");
  expect(note("CreateSecret", 2.5, NOT_READY)).toBe("next try now");
});

test("where the pause is drawn by chance it says within how many", () => {
  expect(note("SetSecret", 10.5, REFUSED)).toBe("next try within 2 s");
});

test("a state that waits says when it goes on, also by a variable's seconds", () => {
  const waits: readonly Line[] = [[2, 1, 0, "WaitStateEntered", { name: "Soak", input: "{}" }]];
  expect(note("Soak", 60, waits, { soakSeconds: 300 })).toBe("goes on in 4 min");
  expect(note("Soak", 60, waits)).toBe("waits");
});

test("nothing is said of a run that has ended", () => {
  const ended: readonly Line[] = [...REFUSED, [5, 4, 11, "ExecutionAborted", {}]];
  expect(note("SetSecret", 12, ended)).toBeUndefined();
});
