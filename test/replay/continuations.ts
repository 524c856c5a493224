import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tell } from "../guarantees/figures.ts";
import { pythonIsMissing } from "../support/rotation-function.ts";
import { startWorld, type World } from "../support/world.ts";
import { type Recording, type Release, readReleases } from "./recording.ts";
import { boundariesOf, recordedTasks, replay } from "./replayer.ts";
import { openStage, type Stage } from "./stage.ts";

/** Virtual time runs ahead where an execution waits, and must not overtake that of the functions, in milliseconds. */
const AHEAD_MS = 12 * 60 * 60 * 1000;

/** The name of the only recording to be replayed; absent: all of them. */
const ONLY = process.env["ROTOR_REPLAY_ONLY"];

/** Where executions of that release run, and nothing else does: no event arrives. */
export function startOldWorld({ definition }: Release): Promise<World> {
  return startWorld({ definition, loses: () => true, startsAgoMs: AHEAD_MS });
}

/** One test for each recording that is wanted: it goes on from every task. `which`: what they are together. */
export function testContinuations(which: string, isWanted: (recording: Recording) => boolean): void {
  const releases = readReleases();
  for (const release of releases) {
    describe(`executions that ${release.name} has begun`, () => {
      const recordings = release.recordings.filter((each) => isWanted(each) && (ONLY ?? each.name) === each.name);
      const stages = new Map<string, Stage>();
      let world: World;
      let continuations = 0;
      let violations = 0;
      const begun = performance.now();
      const outcomes = new Set<string>();

      beforeAll(async () => {
        world = await startOldWorld(release);
        for (const each of recordings.filter(isPlayable)) stages.set(each.name, await openStage(world, each));
      }, 120_000);
      afterAll(async () => {
        for (const stage of stages.values()) await stage[Symbol.asyncDispose]();
        await world[Symbol.asyncDispose]();
        const boundaries = recordings.reduce((sum, { tasks }) => sum + tasks.length, 0);
        console.info(
          `${release.name}: ${stages.size} recordings, ${boundaries} boundaries, ${continuations} continuations, which ended ${[...outcomes].sort().join(", ")}`,
        );
        if (ONLY === undefined) {
          const what = `executions of ${release.name} that go on with this release, ${which}`;
          const [seconds, count] = [(performance.now() - begun) / 1000, continuations];
          tell("replay", [{ what, counted: "runs", count, of: count, violations, exact: true }], seconds);
        }
        // Every password of every continuation is looked for in everything that was written.
      }, 120_000);

      test.each(recordings)("$name goes on to its end from wherever it is", { timeout: 300_000 }, async (recording) => {
        const stage = stages.get(recording.name);
        if (stage === undefined) return void console.info(`${recording.name}: ${pythonIsMissing}`);
        const found: Record<string, readonly string[]> = {};
        const tasks = recordedTasks(recording);
        for (const done of boundariesOf(recording)) {
          const { problems, outcome } = await replay(stage, release, recording, done);
          if (problems.length > 0) found[`at ${tasks[done]?.state} (event ${tasks[done]?.id})`] = problems;
          continuations += 1;
          outcomes.add(outcome);
        }
        violations += Object.keys(found).length;
        expect(found).toEqual({});
      });
    });
  }
}

function isPlayable({ policy }: Recording): boolean {
  return policy.strategy !== "lambda" || pythonIsMissing === undefined;
}
