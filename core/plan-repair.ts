import { GetExecutionHistoryCommand, type HistoryEvent, type SFNClient } from "@aws-sdk/client-sfn";
import { fromAwsError } from "./aws.ts";
import { FUNCTIONS } from "./blueprint.ts";
import { checkNobodyElse, checkNotFrozen, requirePolicy } from "./check-secret.ts";
import { RotationError } from "./errors.ts";
import { describeExecution, type Execution, isRunning, repairsOf } from "./executions.ts";
import { executionName } from "./identity.ts";
import type { Planner } from "./plan.ts";
import { planObserved } from "./plan-observed.ts";
import { planOrphan } from "./plan-orphan.ts";
import type { RotationInput } from "./rotation-input.ts";
import { emptyPlan, type RotationPlan, rotationPlan } from "./rotation-plan.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  describeSecret,
  holderOf,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
} from "./versions/secret.ts";

/**
 * Takes up what a stopped, timed-out or failed execution left, from the plan in its history; or takes back a rotation that
 * ended SUCCEEDED or NotConverged; or takes the labels off a version whose execution never started, or was withdrawn while it
 * waited for its window; or observes what an execution that died in Plan was to observe. Reads only; may be repeated.
 *
 * @throws RotationError SecretFrozen, RotationInProgress (it, another repair of it, or another rotation is running),
 *   ConfigurationInvalid (there is nothing to repair); retryable ones
 */
export async function planRepair(planner: Planner, input: RotationInput): Promise<RotationPlan> {
  const secret = await describeSecret(planner.client, input.secretArn);
  checkNotFrozen(secret);
  // AWSPENDING on another version is no reason to leave half a rotation at the target: the rollback does not touch that label.
  await checkNobodyElse(secret, input.token, planner);
  const { sfn, stateMachineArn } = planner;
  const original = await describeExecution(sfn, stateMachineArn, executionName(secret.arn, input.token));
  const repairs = await repairsOf(sfn, stateMachineArn, secret.arn, input.token);
  const running = [original, ...repairs].find(
    (each) => each !== undefined && isRunning(each) && each.name !== planner.executionName,
  );
  if (running !== undefined) {
    throw new RotationError(
      "RotationInProgress",
      `Execution ${running.name} is still running: it ends by itself or has to be stopped first.`,
    );
  }
  const policy = requirePolicy(planner.policies, secret);
  if (original === undefined) return planOrphan(planner, secret, policy, input.token);
  const isObserved = original.input["mode"] === "observed";
  const planned = await findPlan(sfn, [original, ...(isObserved ? repairs : [])]);
  if (planned === undefined) {
    // What somebody else has rotated is still to be followed. Of a rotation of ours nothing but its version can be there.
    if (isObserved) return planObserved(planner, secret, policy, input.token);
    const mode = original.input["mode"] === "driven" ? "driven" : "native";
    const died = emptyPlan(secret, policy, input.token, mode);
    return { ...died, decision: "discard", reason: `${original.name} died before it had a plan` };
  }
  const { execution, history, recorded } = planned;
  const held = secret.labels[input.token] ?? [];
  // Of a rotation of somebody else's there is something to finish only once it was being taken back, and not where a person has
  // done that before a label of ours was on it.
  const isMarked = [AWSCURRENT, ROTATION_CANDIDATE, ROTATION_ROLLED_BACK].some((label) => held.includes(label));
  const takenBack = recorded.decision === "observe" && entered(history, "RollBack") && isMarked;
  // A candidate that somebody had promoted when it was planned, and took back since: no step has ever had it.
  const passedOver = recorded.decision === "ignore" && held.includes(ROTATION_CANDIDATE) && !held.includes(AWSCURRENT);
  if (passedOver) {
    return { ...recorded, decision: "discard", reason: `${execution.name} found it promoted, and changed nothing` };
  }
  if (recorded.decision === "wait") {
    return { ...recorded, decision: "discard", reason: `${execution.name} was ended while it waited for its window` };
  }
  if (recorded.decision !== "rotate" && !takenBack) {
    return { ...recorded, decision: "ignore", reason: `${execution.name} changed nothing at the target` };
  }
  if (execution.error === "RotationRejected") {
    return { ...recorded, decision: "discard", reason: `${execution.name} never touched the target` };
  }
  const current = holderOf(secret.labels, AWSCURRENT);
  const succeeded = execution.status === "SUCCEEDED";
  const left = held.includes(AWSPENDING) || (held.includes(ROTATION_CANDIDATE) && !succeeded);
  if (current !== recorded.base && current !== recorded.token && !left) {
    // Another rotation or a person has moved on: this one's base may be long dead, and nobody asked for it.
    return { ...recorded, decision: "ignore", reason: `AWSCURRENT is on version ${current ?? "none"} by now` };
  }
  const closed = [original, ...repairs].filter((each) => !isRunning(each));
  const quietAt =
    Math.max(...closed.map((each) => each.stoppedAt?.getTime() ?? 0)) + (longestStepSeconds() + 30) * 1000;
  const settleSeconds = Math.max(0, Math.ceil((quietAt - planner.nowMs) / 1000));
  return {
    ...recorded,
    // Whoever has begun to rotate meanwhile is seen when it is planned afresh.
    decision: settleSeconds > 0 ? "settle" : "roll-back",
    reason: `repairs ${execution.name}`,
    // A rotation that ended well, or was kept on purpose, is taken back because a person asked for it. One that died is
    // finished as its policy says: a leaked credential must not come back.
    mayRollBack: recorded.mayRollBack || succeeded || execution.error === "NotConverged",
    // As in the workflow itself: from the promotion on somebody may be on the new version.
    refreshAttempted: entered(history, "FinishSecret") || entered(history, "ConvergeDependents"),
    settleSeconds,
  };
}

interface Planned {
  readonly execution: Execution;
  readonly history: readonly HistoryEvent[];
  readonly recorded: RotationPlan;
}

/**
 * The first execution that has had a plan, which is the one to be finished: an observed one that died without has been taken up
 * by a repair.
 */
async function findPlan(sfn: SFNClient, executions: readonly Execution[]): Promise<Planned | undefined> {
  for (const execution of executions.filter((each) => !isRunning(each))) {
    const history = await readHistory(sfn, execution);
    const recorded = recordedPlan(history);
    if (recorded !== undefined) return { execution, history, recorded };
  }
  return undefined;
}

function entered(history: readonly HistoryEvent[], state: string): boolean {
  return history.some((event) => event.stateEnteredEventDetails?.name === state);
}

async function readHistory(sfn: SFNClient, execution: Execution): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const request = { executionArn: execution.arn, maxResults: 1000, includeExecutionData: true, nextToken };
    const page = await sfn
      .send(new GetExecutionHistoryCommand(request))
      .catch((error: unknown) =>
        Promise.reject(fromAwsError(error, `states:GetExecutionHistory of ${execution.name}`)),
      );
    events.push(...(page.events ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return events;
}

/**
 * What Plan left in the variable of that name; undefined when the execution died before Plan had ended well.
 * @throws RotationError InternalError when there is a plan that this release cannot read: what it has changed is not known
 */
function recordedPlan(history: readonly HistoryEvent[]): RotationPlan | undefined {
  // The last: what had to wait was planned afresh.
  const exited = history.findLast((event) => event.stateExitedEventDetails?.name === "Plan")?.stateExitedEventDetails;
  if (exited === undefined) return undefined;
  const plan = readJson(exited.assignedVariables?.["plan"]);
  // What the Catch of Plan assigns has no decision: nothing was planned, and nothing touched.
  if (plan !== undefined && !("decision" in plan)) return undefined;
  const parsed = rotationPlan.safeParse(plan);
  if (parsed.success) return parsed.data;
  throw new RotationError(
    "InternalError",
    "The plan in the execution's history is not of a form that this release reads. Nothing was touched.",
  );
}

function readJson(text: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // Step Functions truncates what is too long for its history.
    return undefined;
  }
}

function longestStepSeconds(): number {
  return Math.max(
    FUNCTIONS.rotate.timeoutSeconds,
    FUNCTIONS["roll-back"].timeoutSeconds,
    FUNCTIONS.dependents.timeoutSeconds,
  );
}
