import type { Decision } from "./decision.ts";
import type { Dispatched, Dispatcher, Subject } from "./dispatch.ts";
import type { ErrorName } from "./errors.ts";
import { describeExecution, type Execution, isRunning, repairsOf } from "./executions.ts";
import { executionName } from "./identity.ts";
import { reportIncidents } from "./report-incidents.ts";
import { refusedRequest } from "./secret-incidents.ts";
import { startRepair } from "./start-rotation.ts";
import { AWSPENDING, holds, ROTATION_CANDIDATE, ROTATION_ROLLED_BACK, type Secret } from "./versions/secret.ts";
import { isYoung, lookAgain } from "./young-event.ts";

type Repair = Extract<Decision, { readonly do: "repair" }>;

/**
 * Starts the repair that somebody asks for, once for each request: a number that is taken names the repair that has it, and a
 * request of which a repair has begun since was carried out by that one, however late its next copy comes.
 *
 * Starts nothing while the execution or one of its repairs runs, or where the version is none that was being rotated in:
 * that is told as an incident. May be repeated.
 *
 * @throws RotationError VersionNotVisible (the event is young, and the version may only not be seen yet); AccessDenied,
 *   Throttled, ServiceUnavailable
 */
export async function dispatchRepair(dispatcher: Dispatcher, subject: Subject, wanted: Repair): Promise<Dispatched> {
  const { sfn, stateMachineArn } = dispatcher;
  const { secret, at } = subject;
  const { token } = wanted;
  const original = await describeExecution(sfn, stateMachineArn, executionName(secret.arn, token));
  const repairs = await repairsOf(sfn, stateMachineArn, secret.arn, token);
  const done = doneBy(repairs, wanted, at);
  if (done !== undefined) {
    return { decision: "duplicate", reason: `repair ${done.name}`, secretArn: secret.arn, token };
  }
  const running = [original, ...repairs].find((each) => each !== undefined && isRunning(each));
  if (running !== undefined) {
    const because = `execution ${running.name} is still running: it ends by itself or has to be stopped first.`;
    return refuse(dispatcher, subject, wanted, { name: "RotationInProgress", because });
  }
  if (original === undefined && repairs.length === 0 && !isRotatedIn(secret, token)) {
    const because = "no execution has rotated that version, and it carries no label of a rotation.";
    if (isYoung(at, Date.now())) throw lookAgain(secret.name, because);
    return refuse(dispatcher, subject, wanted, { name: "ConfigurationInvalid", because });
  }
  // Whatever number was asked for: a repair behind a gap would be seen by nobody.
  const start = { secretArn: secret.arn, token, repair: repairs.length + 1 };
  const { decision, name } = await startRepair(sfn, stateMachineArn, start);
  return { decision, reason: `repair ${name}`, secretArn: secret.arn, token };
}

/** The repair that an earlier copy of the request has started, or that has begun since for whatever reason. */
function doneBy(repairs: readonly Execution[], { repair }: Repair, at: Date | undefined): Execution | undefined {
  if (repair !== undefined && repair <= repairs.length) return repairs[repair - 1];
  const newest = repairs.at(-1);
  // An event's time has no fraction of a second, so one that began within the same second counts.
  const hasBegun = at !== undefined && secondOf(newest?.startedAt) >= secondOf(at);
  return hasBegun ? newest : undefined;
}

function secondOf(time: Date | undefined): number {
  return Math.floor((time?.getTime() ?? 0) / 1000);
}

function isRotatedIn({ labels }: Secret, token: string): boolean {
  return [AWSPENDING, ROTATION_CANDIDATE, ROTATION_ROLLED_BACK].some((label) => holds(labels, token, label));
}

async function refuse(
  { eventBridge, busName }: Dispatcher,
  { secret, policy }: Subject,
  { token, requester }: Repair,
  why: { readonly name: ErrorName; readonly because: string },
): Promise<Dispatched> {
  const what = `A repair of version ${token}`;
  const incident = refusedRequest({ what, token, requester, ...why }, secret, policy, Date.now());
  await reportIncidents(eventBridge, busName, [incident]);
  return { decision: "reported", reason: incident.name, secretArn: secret.arn, token };
}
