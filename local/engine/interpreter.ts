import type { Branch } from "./branch.ts";
import type {
  ChoiceState,
  FailState,
  MapState,
  ParallelState,
  State,
  StateGraph,
  TaskState,
  WaitState,
} from "./definition.ts";
import { BranchCut, errorOutput, matches, StateFailure } from "./failure.ts";
import { detailsOf } from "./history.ts";
import { EvaluationError, type Json } from "./jsonata.ts";
import { runMap } from "./map.ts";
import { runParallel } from "./parallel.ts";
import { Retries } from "./retry.ts";
import type { Run } from "./run.ts";
import { runTask } from "./task.ts";
import { Visit } from "./visit.ts";

/**
 * Runs the states of `graph` one after the other and returns the last one's output.
 * @throws StateFailure that no Catch took
 * @throws BranchCut
 */
export async function runGraph(run: Run, branch: Branch, graph: StateGraph, input: Json): Promise<Json> {
  let name: string | undefined = graph.StartAt;
  let passed = input;
  while (name !== undefined) {
    const state: State | undefined = graph.States[name];
    if (state === undefined) throw new StateFailure("States.Runtime", `There is no state '${name}'.`);
    const left: Left = await runState(new Visit(run, branch, name, state.Type, passed), state);
    // On replay the history knows where a Choice went.
    const entered = left.next === undefined ? undefined : branch.next();
    name = entered === undefined ? left.next : String(detailsOf(entered).name);
    passed = left.output;
  }
  return passed;
}

/** What a state left behind, and where it leads; no `next` at the end of its graph. */
interface Left {
  readonly output: Json;
  readonly next: string | undefined;
}

async function runState(visit: Visit, state: State): Promise<Left> {
  switch (state.Type) {
    case "Task":
    case "Map":
    case "Parallel":
      return await runCatching(visit, state);
    case "Choice":
      return await choose(visit, state);
    case "Wait":
      await wait(visit, state);
      return { output: await visit.exit(state, visit.input), next: state.Next };
    case "Pass":
      return { output: await visit.exit(state, visit.input), next: state.Next };
    case "Succeed":
      return { output: await visit.exit(state, visit.input), next: undefined };
    case "Fail":
      throw await failure(visit, state);
  }
}

/** Task, Map and Parallel: the states with Retry and Catch. A failing Assign or Output is caught as well. */
async function runCatching(visit: Visit, state: CatchingState): Promise<Left> {
  const retries = new Retries(state.Retry, visit.run.surroundings.random);
  for (;;) {
    try {
      const result = await attempt(visit, state);
      visit.outcome = { result };
      return { output: await visit.exit(state, result), next: state.Next };
    } catch (error) {
      if (!(error instanceof StateFailure)) throw error;
      const delay = retries.delayAfter(error);
      if (delay === undefined) return await caught(visit, state, error);
      await pause(visit.branch, visit, delay);
      visit.outcome = undefined;
      visit.retryCount++;
    }
  }
}

type CatchingState = TaskState | MapState | ParallelState;

async function attempt(visit: Visit, state: CatchingState): Promise<Json> {
  switch (state.Type) {
    case "Task":
      return await runTask(visit, state);
    case "Map":
      return await runMap(visit, state, runGraph);
    case "Parallel":
      return await runParallel(visit, state, runGraph);
  }
}

async function caught(visit: Visit, state: CatchingState, failure: StateFailure): Promise<Left> {
  if (state.Type !== "Task" && !failure.terminal) visit.branch.record(`${state.Type}StateFailed`);
  const catcher = state.Catch?.find(({ ErrorEquals }) => matches(ErrorEquals, failure));
  if (catcher === undefined) throw failure;
  const output = { ...errorOutput(failure) };
  visit.outcome = { errorOutput: output };
  return { output: await visit.exit(catcher, output), next: catcher.Next };
}

/** The pause before a retry, counted from the failure. */
async function pause(branch: Branch, visit: Visit, milliseconds: number): Promise<void> {
  // A branch that failed made all its attempts, also those that left no event.
  if (branch.next() !== undefined || branch.doomedBy === branch.last) return;
  const { clock } = visit.run.surroundings;
  const last = branch.history.events[branch.last - 1]?.timestamp.getTime() ?? clock.now();
  const failed = Math.max(last, branch.history.redrives.at(-1)?.date.getTime() ?? 0);
  await branch.live();
  if (!(await clock.sleep(failed + milliseconds - clock.now(), "retry", branch.signal))) throw new BranchCut();
}

async function choose(visit: Visit, state: ChoiceState): Promise<Left> {
  for (const [index, rule] of state.Choices.entries()) {
    if (await visit.evaluateAs("boolean", rule.Condition, `Choices[${index}]/Condition`)) {
      return { output: await visit.exit(rule, visit.input), next: rule.Next };
    }
  }
  if (state.Default !== undefined) return { output: await visit.exit(state, visit.input), next: state.Default };
  // AWS says so where its documentation has States.NoChoiceMatched (measured, floci issue 2868).
  throw new StateFailure(
    "States.Runtime",
    visit.cause("Failed to transition out of the state. The state does not point to a next state."),
  );
}

async function wait(visit: Visit, state: WaitState): Promise<void> {
  const { branch, run } = visit;
  const until =
    state.Seconds === undefined
      ? await timestamp(visit, state.Timestamp ?? "")
      : visit.begun + 1000 * (await visit.evaluateInteger(state.Seconds, "Seconds", 0));
  if (branch.next() !== undefined) return;
  await branch.live();
  const { clock } = run.surroundings;
  if (!(await clock.sleep(until - clock.now(), "wait", branch.signal))) throw new BranchCut();
}

const OFFSET_DATE_TIME = /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

async function timestamp(visit: Visit, template: string): Promise<number> {
  const text = await visit.evaluateAs("string", template, "Timestamp");
  return await visit.checking(() => {
    const time = OFFSET_DATE_TIME.test(text) ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(time)) return time;
    throw new EvaluationError(
      `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`,
      "Timestamp",
    );
  });
}

async function failure(visit: Visit, state: FailState): Promise<StateFailure> {
  const error = state.Error === undefined ? undefined : await visit.evaluateAs("string", state.Error, "Error");
  const cause = state.Cause === undefined ? undefined : await visit.evaluateAs("string", state.Cause, "Cause");
  return new StateFailure(error, cause);
}
