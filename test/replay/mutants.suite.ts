import { afterAll, beforeAll, expect, test } from "vitest";
import type { InvokeResult } from "../../local/services/service.ts";
import type { World } from "../support/world.ts";
import { startOldWorld } from "./continuations.ts";
import { type Recording, type Release, readReleases } from "./recording.ts";
import { recordedTasks, replay, type Tamper } from "./replayer.ts";
import { openStage, type Stage } from "./stage.ts";
import { stepOf } from "./tasks.ts";

const release = readReleases().at(-1) as Release;
const NAMES = ["driven-rolled-back", "driven-alternating-users", "driven-aborted", "repair-rolled-back"] as const;

let world: World;
const stages = new Map<string, Stage>();
beforeAll(async () => {
  world = await startOldWorld(release);
  for (const name of NAMES) stages.set(name, await openStage(world, recordingOf(name)));
}, 120_000);
afterAll(async () => {
  for (const stage of stages.values()) await stage[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

interface Mutant {
  readonly name: (typeof NAMES)[number];
  /** Where the execution was. */
  readonly at: string;
  readonly tamper: Tamper;
  readonly said: RegExp;
}

/** What is wrong with functions that differ from this release's. */
const MUTANTS: Readonly<Record<string, Mutant>> = {
  "whose Plan does not say any more whether a promotion may be taken back": {
    ...{ name: "driven-rolled-back", at: "Plan", tamper: without("plan", "mayRollBack") },
    said: /no mayRollBack/,
  },
  "whose Plan names its dependents in another way": {
    ...{ name: "driven-rolled-back", at: "Plan", tamper: changed("plan", withDependentsRenamed) },
    said: /no dependents\[\]\.name/,
  },
  "whose createSecret does not say any more whether two credentials work at once": {
    ...{ name: "driven-alternating-users", at: "CreateSecret", tamper: without("createSecret", "overlap") },
    said: /no overlap/,
  },
  "whose finishSecret does not say any more when it promoted": {
    ...{ name: "driven-rolled-back", at: "FinishSecret", tamper: without("finishSecret", "promotedAt") },
    said: /no promotedAt/,
  },
  "whose rollBack does not say any more which version is live": {
    ...{ name: "driven-rolled-back", at: "RollBack", tamper: without("rollBack", "live") },
    said: /no live/,
  },
  "whose error for a dependent that is not ready has a new name": {
    ...{ name: "driven-alternating-users", at: "Verify" },
    // Of that one only: were it the other one's that comes first, this one would not be asked again.
    tamper: failing("verify", "DependentPending", dependentAt("driven-alternating-users", "Verify")),
    said: /DependentPending, which/,
  },
  "that refuse what the old definition calls them with": {
    ...{ name: "driven-rolled-back", at: "RollBack", tamper: failing("rollBack", "EventInvalid") },
    said: /outcome is "ROLLBACK_FAILED"/,
  },
  "that cannot tell the outcome": {
    ...{ name: "driven-rolled-back", at: "NotifyRolledBack", tamper: failing("ROLLED_BACK", "ConfigurationInvalid") },
    said: /told is false/,
  },
};

test.each(Object.entries(MUTANTS))("functions %s are noticed", { timeout: 120_000 }, async (_what, mutant) => {
  const { problems } = await replayAt(mutant.name, mutant.at, mutant.tamper);
  expect(problems.join("\n")).toMatch(mutant.said);
});

test.each(NAMES)("%s shows no fault where the functions have none", { timeout: 120_000 }, async (name) => {
  const { problems } = await replayAt(name, recordedTasks(recordingOf(name))[0]?.state ?? "");
  expect(problems).toEqual([]);
});

test("labels that were not as the execution left them are noticed", { timeout: 120_000 }, async () => {
  const recording = recordingOf("driven-rolled-back");
  const done = boundaryOf(recording, "NotifyRolledBack");
  const tasks = recording.tasks.map((task, index) =>
    index === done ? { ...task, situation: recording.tasks[done - 4]?.situation ?? task.situation } : task,
  );
  const stage = stages.get(recording.name) as Stage;
  const { problems } = await replay(stage, release, { ...recording, tasks }, done);
  expect(problems.join("\n")).toMatch(/At the end labels/);
});

test("a plan in the history of a dead execution that this release cannot read is noticed", {
  timeout: 120_000,
}, async () => {
  const dead = recordingOf("driven-aborted");
  const history = dead.history.map((event) => {
    const text = JSON.stringify(event).replaceAll('\\"mayRollBack\\":', '\\"maybe\\":');
    return { ...JSON.parse(text), timestamp: event.timestamp };
  });
  const { problems } = await replayWith({ ...dead, history });
  expect(problems.join("\n")).toMatch(/outcome is "ROLLBACK_FAILED"/);
});

test("an execution that Step Functions has ended, because its time was over, is repaired as one that was stopped", {
  timeout: 120_000,
}, async () => {
  const dead = recordingOf("driven-aborted");
  const { executionAbortedEventDetails: _, ...last } = dead.history.at(-1) ?? {};
  const ended = {
    ...last,
    type: "ExecutionTimedOut",
    executionTimedOutEventDetails: {},
  } as Recording["history"][number];
  const { problems } = await replayWith({ ...dead, history: [...dead.history.slice(0, -1), ended] });
  expect(problems).toEqual([]);
});

/** The repair, of another dead execution than was recorded. */
function replayWith(dead: Recording) {
  const repair = recordingOf("repair-rolled-back");
  const recordings = release.recordings.map((each) => (each.name === dead.name ? dead : each));
  return replay(stages.get(repair.name) as Stage, { ...release, recordings }, repair, 0);
}

function replayAt(name: string, state: string, tamper?: Tamper) {
  const recording = recordingOf(name);
  return replay(stages.get(name) as Stage, release, recording, boundaryOf(recording, state), tamper);
}

function boundaryOf(recording: Recording, state: string): number {
  return recordedTasks(recording).findIndex((task) => task.state === state);
}

function recordingOf(name: string): Recording {
  return release.recordings.find((each) => each.name === name) as Recording;
}

// --- the mutants ---

type Payload = Readonly<Record<string, unknown>>;

function changed(step: string, change: (payload: Payload) => Payload): Tamper {
  return (call, reply) =>
    stepOf(call) === step && reply.FunctionError === undefined
      ? { ...reply, Payload: change(reply.Payload as Payload) }
      : reply;
}

function without(step: string, member: string): Tamper {
  return changed(step, ({ [member]: _, ...rest }) => rest);
}

function withDependentsRenamed({ dependents, ...rest }: Payload): Payload {
  const renamed = (dependents as { name: string }[]).map(({ name, ...each }) => ({ ...each, dependent: name }));
  return { ...rest, dependents: renamed };
}

function dependentAt(name: string, state: string): unknown {
  const recording = recordingOf(name);
  return recordedTasks(recording)[boundaryOf(recording, state)]?.Payload["dependent"];
}

/** @param dependent whose; that of all, if absent */
function failing(step: string, errorType: string, dependent?: unknown): Tamper {
  return (call, reply): InvokeResult =>
    stepOf(call) === step && (dependent === undefined || call.Payload["dependent"] === dependent)
      ? { ...reply, FunctionError: "Unhandled", Payload: { errorType, errorMessage: "as the mutant says", trace: [] } }
      : reply;
}
