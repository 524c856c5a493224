import { AwsError } from "../../local/services/service.ts";
import { ConnectionLost, type InterceptedCall, type Replacement } from "../../local/wire-calls.ts";
import type { Run, TestSecret, World } from "./world.ts";

/** What a task of the workflow asks its function for. Several states share one: Refresh and RefreshBase, all that notify. */
export type StepName =
  | "Plan"
  | "CreateSecret"
  | "SetSecret"
  | "TestSecret"
  | "Probe"
  | "FinishSecret"
  | "Refresh"
  | "Verify"
  | "ConfirmEvidence"
  | "RollBack"
  | "Freeze"
  | "Discard"
  | "Notify";

/** How one attempt of a step ends. "before": its function is not run. "after": it has run, and its result is lost. */
export interface Fault {
  readonly phase: "before" | "after";
  /** The name the workflow gets: one of ours, "Sandbox.Timedout", or "Lambda.<name>" when Lambda itself refuses. */
  readonly error: string;
}

/** @param error a name, and after a colon what it says, where that matters */
export const beforeEffect = (error: string): Fault => ({ phase: "before", error });
export const afterEffect = (error: string): Fault => ({ phase: "after", error });

/** Tells Refresh and Verify from RefreshBase and VerifyBase: only where the step is, or is not, about this version. */
interface StepFilter {
  readonly versionId?: string | undefined;
  readonly notVersionId?: string | undefined;
}

/** Ends the first attempts of a step as `faults` says, in their order; later ones go through. */
export function failStep(
  world: World,
  secret: TestSecret,
  step: StepName,
  faults: readonly Fault[],
  filter: StepFilter = {},
): Disposable {
  const left = [...faults];
  return world.account.intercept((call) => {
    if (!isStep(call, secret, step, filter) || left[0]?.phase !== call.phase) return undefined;
    return fail(left.shift()?.error ?? "");
  });
}

/** Ends every attempt of a step so. */
export function breakStep(
  world: World,
  secret: TestSecret,
  step: StepName,
  fault: Fault,
  filter: StepFilter = {},
): Disposable {
  return world.account.intercept((call) =>
    isStep(call, secret, step, filter) && call.phase === fault.phase ? fail(fault.error) : undefined,
  );
}

/** Does something once: just before a step's function runs for the first time, or just after it has run. */
export function atStep(
  world: World,
  secret: TestSecret,
  step: StepName,
  phase: "before" | "after",
  run: () => Promise<unknown>,
): Disposable {
  let isDone = false;
  return world.account.intercept(async (call) => {
    if (isDone || call.phase !== phase || !isStep(call, secret, step)) return;
    isDone = true;
    await run();
  });
}

/** A call of Secrets Manager about this secret, made by one of the functions named. */
export function isSecretCall(call: InterceptedCall, secret: TestSecret, ...functions: readonly string[]): boolean {
  const { SecretId } = call.input as { SecretId?: string };
  return call.service === "secretsmanager" && SecretId === secret.arn && functions.includes(call.caller ?? "");
}

/** What tells the calls of one step from each other: operation, label and version. */
export function callKey(call: Pick<InterceptedCall, "operation" | "input">): string {
  const input = call.input as Record<string, string | undefined>;
  const of = input["VersionStage"] ?? input["VersionId"];
  return of === undefined ? call.operation : `${call.operation} ${of}`;
}

/** Loses the reply of a call that took effect, and every request that is made for it again until the client gives up. */
export function loseReplyForGood(world: World, isWanted: (call: InterceptedCall) => boolean, attempts = 3): Disposable {
  const lost = new Map<string, number>();
  return world.account.intercept((call) => {
    if (!isWanted(call)) return;
    const key = callKey(call);
    const times = lost.get(key) ?? 0;
    // The first request takes effect; the ones after it never arrive.
    if (times >= attempts || (call.phase === "after") !== (times === 0)) return;
    lost.set(key, times + 1);
    throw new ConnectionLost();
  });
}

/** The errors of a state's failed attempts, in their order, as the history has them. */
export function failedAttempts({ history }: Run, state: string): readonly string[] {
  const byId = new Map(history.map((event) => [event.id, event]));
  return history.flatMap((event) => {
    const error = event.taskFailedEventDetails?.error ?? event.taskTimedOutEventDetails?.error;
    if (error === undefined) return [];
    let entered = byId.get(event.previousEventId);
    while (entered !== undefined && entered.stateEnteredEventDetails === undefined) {
      entered = byId.get(entered.previousEventId);
    }
    return entered?.stateEnteredEventDetails?.name === state ? [error] : [];
  });
}

function isStep(call: InterceptedCall, secret: TestSecret, step: StepName, filter: StepFilter = {}): boolean {
  if (call.service !== "lambda" || call.caller !== "states") return false;
  const { Payload } = call.input as { Payload: Record<string, unknown> };
  if (!JSON.stringify(Payload).includes(secret.arn)) return false;
  const asked = Payload["Step"] ?? Payload["action"] ?? ("rotation" in Payload ? "plan" : "notify");
  if (String(asked).toLowerCase() !== step.toLowerCase()) return false;
  const { versionId, notVersionId } = filter;
  const of = Payload["versionId"];
  return (versionId === undefined || of === versionId) && (notVersionId === undefined || of !== notVersionId);
}

function fail(error: string): Replacement {
  if (error.startsWith("Lambda.")) throw new AwsError(error.slice("Lambda.".length), "Rate Exceeded.", 429);
  const [errorType, errorMessage = `${error}, as the test wants it.`] = error.split(/: (.*)/s);
  const Payload = { errorType, errorMessage, trace: [] };
  return { reply: { StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled", Payload } };
}
