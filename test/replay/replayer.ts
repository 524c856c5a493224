import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import type { InvokeResult } from "../../local/services/service.ts";
import type { InterceptedCall, Replacement } from "../../local/wire-calls.ts";
import { perform } from "./acts.ts";
import { endOf } from "./recorder.ts";
import type { Recording, Release, Situation } from "./recording.ts";
import { type Ids, latestTime, toLive, toStable } from "./stable.ts";
import type { Scene, Stage } from "./stage.ts";
import { keyOf, replyWith, stepOf, type TaskCall, type TaskEvent, taskCallOf, tasksOf } from "./tasks.ts";
import { handledErrors, missingMembers, usedMembers } from "./used-members.ts";

/** Changes what a function of this release has replied: a fault that a replay has to notice. */
export type Tamper = (call: TaskCall, reply: InvokeResult) => InvokeResult;

export interface Replayed {
  /** Each a sentence. None: an execution of the old release that is just there may be upgraded under. */
  readonly problems: readonly string[];
  readonly outcome: string;
}

/** The tasks of a recording in the order in which they ran. */
export function recordedTasks(recording: Recording): readonly TaskEvent[] {
  const byId = new Map(tasksOf(recording.history).map((task) => [task.id, task]));
  return recording.tasks.flatMap(({ event }) => byId.get(event) ?? []);
}

/** How many tasks had been done, wherever that makes a difference: amid tries that all find the same it makes none. */
export function boundariesOf(recording: Recording): readonly number[] {
  const all = recordedTasks(recording);
  const seen = all.map((task, index) => keyOf(task) + JSON.stringify(recording.tasks[index]?.situation));
  return [...all.keys()].filter((index) => seen[index] !== seen[index - 1] || seen[index] !== seen[index + 1]);
}

/**
 * An execution of the old release, on its definition, whose first `done` tasks have got what is recorded, and whose others are
 * done by the functions of this one, from the situation that was recorded there.
 */
export async function replay(
  stage: Stage,
  release: Release,
  recording: Recording,
  done: number,
  tamper: Tamper = (_, reply) => reply,
): Promise<Replayed> {
  const { world } = stage;
  const dead = release.recordings.find(({ name }) => name === recording.repairs);
  const { situation } = recording.tasks[done] ?? recording.end;
  const begun = await stage.establish(sceneOf(recording, situation, dead));
  const ids = stage.ids();
  const all = recordedTasks(recording);
  const replaced = toLive(
    all.slice(0, done),
    ids,
    begun - (latestTime(all.slice(0, done).map(({ result }) => result)) ?? begun),
  );
  const left = [...replaced];
  const real: { readonly call: TaskCall; readonly reply: InvokeResult }[] = [];
  // What happened before the next task, too, is in the situation.
  const happened = new Set(all.slice(0, done + 1).map(stepOf));
  const acts = recording.acts.filter(({ before }) => !happened.has(before));

  using _dead = dead === undefined ? undefined : showDead(stage, dead);
  using _tasks = world.account.intercept(async (call): Promise<Replacement | undefined> => {
    const task = taskCallOf(call, ids.arn);
    if (task === undefined) return undefined;
    if (call.phase === "after") {
      const reply = tamper(task, call.output as InvokeResult);
      real.push({ call: task, reply });
      return { reply };
    }
    const at = left.findIndex((each) => keyOf(each) === keyOf(task));
    const [recorded] = at === -1 ? [] : left.splice(at, 1);
    if (recorded !== undefined) return replyWith(recorded.result);
    const due = acts.findIndex(({ before }) => before === stepOf(task));
    for (const act of due === -1 ? [] : acts.splice(due, 1)) await perform(stage, act);
    return undefined;
  });
  const input = toLive(recording.input, ids, 0);
  const name = toLive(recording.execution, ids, 0);
  const { stateMachineArn } = world.deployment();
  await world.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
  await world.settled();

  const secret = { arn: ids.arn, name: ids.name, firstVersion: ids.base };
  const run = await world.run(secret, input.token, input.mode === "repair" ? 1 : undefined);
  const end = { ...endOf(run), situation: toStable(await stage.look(), ids, 0) };
  const boundary = all[done];
  return {
    outcome: end.outcome,
    problems: [
      ...left.map(({ state }) => `${state} was not asked again, though it had been done.`),
      ...(boundary === undefined ? [] : compareReplies(release, all, boundary, real, ids)),
      ...compareEnds(expectedEnd(release, recording), end),
    ],
  };
}

/** An execution that was stopped goes on, when it is redriven, to what one has come to that was not. */
function expectedEnd({ recordings }: Release, recording: Recording): Recording["end"] {
  if (recording.end.outcome !== "ABORTED") return recording.end;
  const twin = recordings.find(({ end, input, policy }) => {
    const isAlike = input.mode === recording.input.mode && policy.strategy === recording.policy.strategy;
    return isAlike && end.outcome === "SUCCEEDED";
  });
  if (twin === undefined) throw new Error(`No recording says what ${recording.name} would have come to.`);
  return twin.end;
}

function compareEnds(recorded: Recording["end"], now: Recording["end"]): readonly string[] {
  const of = ({ outcome, told, situation }: Recording["end"]) => ({
    outcome,
    told,
    labels: labelled(situation),
    accepted: Object.entries(situation.users).map(([user, { accepts }]) => `${user}: ${accepts}`),
  });
  const [before, after] = [of(recorded), of(now)].map((each) => Object.entries(each));
  return (before ?? []).flatMap(([what, value], index) => {
    const [was, is] = [JSON.stringify(value), JSON.stringify(after?.[index]?.[1])];
    return was === is ? [] : [`At the end ${what} is ${is}, and was ${was}.`];
  });
}

function labelled({ labels }: Situation): readonly string[] {
  return Object.entries(labels)
    .filter(([, each]) => each.length > 0)
    .map(([versionId, each]) => `${versionId}: ${each.join(" ")}`)
    .sort();
}

/** What the old definition makes of what this release's function has said, at the boundary and in every try after it. */
function compareReplies(
  { definition, errors }: Release,
  all: readonly TaskEvent[],
  boundary: TaskEvent,
  real: readonly { readonly call: TaskCall; readonly reply: InvokeResult }[],
  ids: Ids,
): readonly string[] {
  const key = keyOf(toLive(boundary, ids, 0));
  const mine = real.filter(({ call }) => keyOf(call) === key);
  if (mine.length === 0) return [`${boundary.state} was not asked again.`];
  const parsed = JSON.parse(definition);
  const used = usedMembers(parsed).get(boundary.state) ?? new Set();
  const known = new Set([...handledErrors(parsed), ...errors.retryable, ...errors.terminal]);
  const before = all.flatMap(({ state, result }) =>
    state === boundary.state && result && "Payload" in result ? [result.Payload] : [],
  );
  return mine.flatMap(({ reply: { FunctionError, Payload } }) => {
    if (FunctionError !== undefined) {
      const { errorType } = Payload as { readonly errorType: string };
      return known.has(errorType)
        ? []
        : [`${boundary.state} failed with ${errorType}, which its definition does not know.`];
    }
    const missing = before.length === 0 ? [] : missingMembers(used, before[0], Payload);
    return missing.map((member) => `The reply to ${boundary.state} has no ${member}, which its definition reads.`);
  });
}

function sceneOf(recording: Recording, situation: Situation, dead: Recording | undefined): Scene {
  const { values, derived } = recording;
  const mode = dead === undefined ? recording.input.mode : dead.input.mode;
  return { situation, values, native: mode === "native", ...(derived && { derived }) };
}

/** Step Functions knows the execution that died under the old release, with its history, as ended just now. */
function showDead({ world, ids }: Stage, dead: Recording): Disposable {
  const last = dead.history.at(-1);
  const moved = world.clock.now() - (last?.timestamp?.getTime() ?? 0);
  const { history, input, execution } = toLive(
    { history: dead.history, input: dead.input, execution: dead.execution },
    ids(),
    moved,
  );
  const executionArn = `${world.deployment().stateMachineArn.replace(":stateMachine:", ":execution:")}:${execution}`;
  const [first, end] = [history[0], history.at(-1)];
  const described = {
    executionArn,
    stateMachineArn: world.deployment().stateMachineArn,
    name: execution,
    status: end?.type
      ?.replace("Execution", "")
      .replace(/[a-z](?=[A-Z])/g, "$&_")
      .toUpperCase(),
    startDate: first?.timestamp,
    stopDate: end?.timestamp,
    input: JSON.stringify(input),
    output: end?.executionSucceededEventDetails?.output,
    ...end?.executionFailedEventDetails,
    ...end?.executionAbortedEventDetails,
  };
  const replies: Readonly<Record<string, unknown>> = {
    DescribeExecution: described,
    GetExecutionHistory: { events: history },
  };
  return world.account.intercept((call: InterceptedCall) => {
    const asked = (call.input as { readonly executionArn?: string }).executionArn;
    if (call.service !== "states" || call.phase !== "before" || asked !== executionArn) return undefined;
    const reply = replies[call.operation];
    return reply === undefined ? undefined : { reply };
  });
}
