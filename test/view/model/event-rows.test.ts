import { expect, test } from "vitest";
import { eventRows, filterEvents } from "../../../view/model/event-rows.ts";
import { withEvents } from "../../../view/model/moments.ts";
import { wire } from "./wire.ts";

const EVENTS = wire(
  [1, 0, 0, "ExecutionStarted", { input: "{}" }],
  [2, 0, 0, "TaskStateEntered", { name: "SetSecret", input: "{}" }],
  [3, 2, 0, "TaskScheduled", { resource: "invoke", parameters: '{"Step":"setSecret"}' }],
  [4, 3, 1, "TaskFailed", { error: "TargetUnavailable", cause: "db: no connection" }],
  [5, 4, 2, "TaskStateExited", { name: "SetSecret", output: "{}" }],
  [6, 5, 2, "MapIterationStarted", { name: "ConvergeDependents", index: 3 }],
);
const rows = eventRows(EVENTS);

test("an event belongs to the state of the one before it, and is about its error, its resource or its iteration", () => {
  expect(rows.map(({ state, says }) => [state, says])).toEqual([
    ["", ""],
    ["SetSecret", ""],
    ["SetSecret", "invoke"],
    ["SetSecret", "TargetUnavailable"],
    ["SetSecret", ""],
    ["ConvergeDependents", "iteration 3"],
  ]);
});

test("a filter finds words wherever they are in an event, of one kind of event", () => {
  const found = (words: string, kind: Parameters<typeof filterEvents>[2] = "all") =>
    filterEvents(rows, words, kind).map(({ event }) => event.id);
  expect(found("no CONNECTION")).toEqual([4]);
  expect(found("setsecret")).toEqual([2, 3, 4, 5]);
  expect(found("setsecret", "states")).toEqual([2, 5]);
  expect(found("", "failures")).toEqual([4]);
  expect(found("", "tasks")).toEqual([3, 4]);
  expect(found("", "iterations")).toEqual([6]);
});

test("events that come twice, after a connection was lost, are there once", () => {
  const [head, tail] = [EVENTS.slice(0, 4), EVENTS.slice(2)];
  expect(withEvents(head, tail)).toEqual(EVENTS);
  expect(withEvents(EVENTS, head)).toBe(EVENTS);
});
