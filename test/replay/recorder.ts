import { StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { RELEASE } from "../../core/blueprint.ts";
import { executionArn, executionName, repairName } from "../../core/identity.ts";
import type { RotationInput } from "../../core/rotation-input.ts";
import { ROTATION_FROZEN } from "../../core/versions/secret.ts";
import type { Run, World } from "../support/world.ts";
import { perform } from "./acts.ts";
import { firstScene } from "./first-scene.ts";
import { digestOf, FORMAT, type Recording, type Situation, type Subject } from "./recording.ts";
import type { Scenario } from "./scenarios.ts";
import { type Ids, toStable } from "./stable.ts";
import { openStage, type Stage } from "./stage.ts";
import { failWith, keyOf, stepOf, type TaskCall, taskCallOf, tasksOf } from "./tasks.ts";

/** Plays the scenario, and its repair, in this account. */
export async function record(world: World, scenario: Scenario): Promise<readonly Recording[]> {
  const subject: Subject = {
    policy: scenario.policy ?? {},
    dependents: scenario.dependents ?? {},
    acts: scenario.acts ?? [],
  };
  await using stage = await openStage(world, subject);
  const derived =
    scenario.derived ?? (scenario.mode === "driven" ? ({ kind: "ordinary", attempt: 1 } as const) : undefined);
  await stage.establish({ ...firstScene(subject), native: false, ...(derived && { derived }) });
  const token = tokenOf(scenario, stage.ids());
  const mode = scenario.mode;
  const recording = await play(stage, { scenario, subject, derived, token, mode }, () => start(stage, scenario, token));
  const { repair } = scenario;
  if (repair === undefined) return [recording];
  if (repair.thaw) {
    stage.moveLabel(ROTATION_FROZEN, undefined, token);
    await stage.accept(stage.ids().base);
  }
  const repairSubject = { ...subject, acts: repair.acts ?? [] };
  const repaired = await play(
    stage,
    {
      scenario: { ...repair, mode: "repair" },
      subject: repairSubject,
      derived,
      token,
      mode: "repair",
      repairs: scenario.name,
    },
    () => startExecution(world, stage.ids().arn, token, "repair", 1),
  );
  return [recording, repaired];
}

interface Played {
  readonly scenario: Scenario;
  readonly subject: Subject;
  readonly derived: Recording["derived"];
  readonly token: string;
  readonly mode: RotationInput["mode"];
  readonly repairs?: string;
}

async function play(stage: Stage, played: Played, begin: () => Promise<unknown>): Promise<Recording> {
  const { world } = stage;
  const { scenario, subject, token, mode, repairs } = played;
  const ids = stage.ids();
  const seen: { readonly call: TaskCall; readonly situation: Situation }[] = [];
  using _ = watch(stage, scenario, token, seen);
  await begin();
  await world.settled();
  const run = await world.run({ ...ids, firstVersion: ids.base }, token, mode === "repair" ? 1 : undefined);
  const startMs = run.execution.startDate?.getTime() ?? 0;
  const stable = <T>(value: T) => toStable(value, ids, startMs);
  const end = endOf(run);
  if (end.outcome !== scenario.end) throw new Error(`${scenario.name} ended ${end.outcome}: ${run.execution.cause}`);
  return {
    ...{ format: FORMAT, release: RELEASE, name: scenario.name, ...subject },
    definition: digestOf(await definitionOf(world)),
    input: stable(JSON.parse(run.execution.input ?? "") as RotationInput),
    execution: stable(run.execution.name ?? ""),
    ...(played.derived && { derived: played.derived }),
    ...(repairs === undefined ? {} : { repairs }),
    values: stable(stage.values()),
    tasks: stable(inOrder(run, seen)),
    end: { ...end, situation: stable(await stage.look()) },
    history: stable(run.history),
  };
}

/** One task at a time, so that what is looked at before each is what those before it have left. */
function watch(
  stage: Stage,
  scenario: Scenario,
  token: string,
  seen: { call: TaskCall; situation: Situation }[],
): Disposable {
  const faults = [...(scenario.faults?.errors ?? [])];
  const acts = [...(scenario.acts ?? [])];
  let last: Promise<void> = Promise.resolve();
  let release = () => {};
  let isStopped = false;
  return stage.world.account.intercept(async (call) => {
    const task = taskCallOf(call, stage.ids().arn);
    if (task === undefined) return undefined;
    const step = stepOf(task);
    if (call.phase === "after") {
      if (scenario.stoppedAfter === step && !isStopped) {
        isStopped = true;
        await stop(stage, token);
      }
      release();
      return undefined;
    }
    const before = last;
    let free = () => {};
    last = new Promise((resolve) => {
      free = resolve;
    });
    await before;
    release = free;
    const due = acts.findIndex((act) => act.before === step);
    for (const act of due === -1 ? [] : acts.splice(due, 1)) await perform(stage, act);
    seen.push({ call: task, situation: await stage.look() });
    const error = scenario.faults?.step === step ? faults.shift() : undefined;
    if (error === undefined) return undefined;
    free();
    return failWith(error);
  });
}

function inOrder(run: Run, seen: readonly { readonly call: TaskCall; readonly situation: Situation }[]) {
  const left = seen.map((each, index) => ({ ...each, index }));
  const found = tasksOf(run.history).map((task) => {
    const at = left.findIndex(({ call }) => keyOf(call) === keyOf(task) && same(call.Payload, task.Payload));
    const [mine] = left.splice(at, 1);
    if (at === -1 || mine === undefined) throw new Error(`Nobody has seen the call of ${task.state}.`);
    return { event: task.id, situation: mine.situation, index: mine.index };
  });
  return found.sort((a, b) => a.index - b.index).map(({ event, situation }) => ({ event, situation }));
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function endOf({ execution }: Run): Pick<Recording["end"], "outcome" | "told"> {
  if (execution.status === "ABORTED") return { outcome: "ABORTED", told: null };
  const { outcome, told } = JSON.parse(execution.output ?? execution.cause ?? "{}");
  return { outcome, told: told ?? null };
}

function tokenOf({ start }: Scenario, ids: Ids): string {
  if (start === "of what is AWSCURRENT") return ids.base;
  return start === "of what is AWSPREVIOUS" ? ids.older : ids.candidate;
}

async function start(stage: Stage, scenario: Scenario, token: string): Promise<void> {
  const { world } = stage;
  const { arn, name, base } = stage.ids();
  const gate = { arn, name, firstVersion: base };
  if (scenario.start?.startsWith("of ")) return startExecution(world, arn, token, scenario.mode);
  if (scenario.start === "rehearsal") {
    return world.ask("Rehearsal Requested", { secretId: name, expectedVersionId: base });
  }
  if (scenario.mode === "native") return void (await world.rotate(gate, token));
  if (scenario.mode === "driven") return world.request(gate);
  // Somebody has rotated by hand: the database first, then the version.
  stage.putVersion(token, ["NEW"]);
  await stage.accept(token);
  stage.moveLabel("AWSCURRENT", token, base);
  stage.moveLabel("NEW", undefined, token);
}

async function startExecution(
  world: World,
  secretArn: string,
  token: string,
  mode: RotationInput["mode"],
  repair?: number,
): Promise<void> {
  const name = executionName(secretArn, token);
  await world.sfn.send(
    new StartExecutionCommand({
      stateMachineArn: world.deployment().stateMachineArn,
      name: repair === undefined ? name : repairName(name, repair),
      input: JSON.stringify({ secretArn, token, mode }),
    }),
  );
}

async function stop({ world, ids }: Stage, token: string): Promise<void> {
  const arn = executionArn(world.deployment().stateMachineArn, executionName(ids().arn, token));
  await world.sfn.send(new StopExecutionCommand({ executionArn: arn, cause: "stopped by a person" }));
}

/** As the account runs it: with the names of the functions in it. */
export async function definitionOf(world: World): Promise<string> {
  const machine = world.account.states.operations["DescribeStateMachine"]?.({
    stateMachineArn: world.deployment().stateMachineArn,
  }) as { readonly definition: string };
  return machine.definition;
}
