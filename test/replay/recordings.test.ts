import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RELEASE } from "../../core/blueprint.ts";
import { deployedFunctions } from "../../core/deployed-functions.ts";
import { ENGINES, type Engine } from "../../core/engines.ts";
import { RETRYABLE, TERMINAL } from "../../core/errors.ts";
import { readRun } from "../../core/history.ts";
import { readEvent } from "../../core/history-event.ts";
import { OUTCOMES } from "../../core/outcome.ts";
import { rotationInput } from "../../core/rotation-input.ts";
import { digestOf, type Recording, readReleases } from "./recording.ts";
import { recordedTasks } from "./replayer.ts";
import { type DefinitionLike, handledErrors, usedMembers } from "./used-members.ts";

const ENDS = [...OUTCOMES, "IGNORED"] as const;
const MODES = rotationInput.shape.mode.options;
/** They say nothing that another event does not say: a task is at work; a task ended with its iteration. */
const SILENT = ["TaskStarted", "TaskStateAborted"];

const releases = readReleases();
const recordings = releases.flatMap((release) => release.recordings);

test(`release ${RELEASE} has a recording of every outcome in every mode`, () => {
  const own = releases.find(({ name }) => name === RELEASE)?.recordings ?? [];
  const recorded = own.map(({ input, end }) => `${input.mode} ${end.outcome}`);
  const wanted = MODES.flatMap((mode) => ENDS.map((end) => `${mode} ${end}`));
  expect(wanted.filter((each) => !recorded.includes(each))).toEqual([]);
});

test("the outcomes are those that docs/concepts.md promises", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/concepts.md"), "utf8");
  const table = text.slice(text.indexOf("| outcome |"), text.indexOf("## Words"));
  expect([...table.matchAll(/^\| `(\w+)`/gm)].map((row) => row[1])).toEqual([...ENDS]);
});

describe.each(releases)("release $name", ({ definition, errors, recordings }) => {
  const parsed = JSON.parse(definition) as DefinitionLike;

  test("every task of its definition is in a recording", () => {
    const states = new Set(recordings.flatMap((each) => recordedTasks(each).map(({ state }) => state)));
    expect([...usedMembers(parsed).keys()].filter((state) => !states.has(state))).toEqual([]);
  });

  test("every error that is to be retried is one that its definition retries", () => {
    expect(RETRYABLE.filter((name) => !errors.retryable.includes(name))).toEqual([]);
  });

  test("every error of ours that its definition waits for can still be thrown", () => {
    const ours = [...handledErrors(parsed)].filter((name) => !/^(States|Lambda|Sandbox|Runtime)\./.test(name));
    expect(ours.length).toBeGreaterThan(5);
    expect(ours.filter((name) => !([...RETRYABLE, ...TERMINAL] as readonly string[]).includes(name))).toEqual([]);
  });

  test("every function that its executions have called is still there, under its name", () => {
    const functions = deployedFunctions(Object.keys(ENGINES) as Engine[]).map(({ id }) => id as string);
    const called = recordings.flatMap((each) => recordedTasks(each).map(({ FunctionName }) => FunctionName));
    const names = new Set(called.map((arn) => arn.split(":").at(-1) ?? ""));
    expect([...names].filter((name) => !functions.includes(name))).toEqual([]);
  });
});

describe.each(recordings)("$release, $name", (recording) => {
  test("is read as what it was: no event is unknown, and no step is left open by an execution that has ended", () => {
    const { history, end } = recording;
    const unknown = history.filter((event) => readEvent(event).kind === "other").map(({ type }) => type ?? "");
    expect(unknown.filter((type) => !SILENT.includes(type))).toEqual([]);

    const run = readRun(history);

    expect(run.status).toBe(statusOf(recording));
    expect(JSON.stringify(run.output ?? run.cause ?? "")).toContain(
      end.outcome === "ABORTED" ? "stopped" : end.outcome,
    );
    const open = run.steps.filter(({ status }) => ["running", "waiting-to-retry"].includes(status));
    expect(open.map(({ name }) => name)).toEqual([]);
    const attempts = run.steps.filter(({ type }) => type === "Task").flatMap((step) => step.attempts);
    expect(attempts).toHaveLength(recording.tasks.length);
  });

  test("is whole: of the definition that its release has, with a situation for every task", () => {
    const release = releases.find(({ name }) => name === recording.release);
    expect(recording.definition).toBe(digestOf(release?.definition ?? "{}"));
    const scheduled = recording.history.filter((event) => event.taskScheduledEventDetails !== undefined);
    expect(recordedTasks(recording)).toHaveLength(scheduled.length);
    expect(recording.tasks.map(({ event }) => event).sort()).toEqual(scheduled.map(({ id }) => id).sort());
  });

  test("holds no password and no address", () => {
    for (const value of Object.values(recording.values)) expect(JSON.parse(value).password).toBe("«password»");
    const text = JSON.stringify(recording);
    expect(text.match(/replayed-[0-9a-f]{8}-|(?<![\d.])127\.0\.0\.1:(?!5432\b)\d+|\/tmp\/|file:/g)).toBeNull();
  });
});

function statusOf({ end }: Recording): string {
  if (end.outcome === "ABORTED") return "ABORTED";
  return end.outcome === "SUCCEEDED" || end.outcome === "IGNORED" ? "SUCCEEDED" : "FAILED";
}
