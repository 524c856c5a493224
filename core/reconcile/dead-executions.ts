import { type ExecutionListItem, type ExecutionStatus, ListExecutionsCommand } from "@aws-sdk/client-sfn";
import { fromAwsError } from "../aws.ts";
import { died } from "../dispatch-ended.ts";
import { describeExecution, isRunning, OWN_ENDS } from "../executions.ts";
import { policyFor } from "../policies.ts";
import { AUTOMATIC_REPAIRS, repairAfter } from "../repair-after.ts";
import { rotationInput } from "../rotation-input.ts";
import { secretNameOf } from "../secret-names.ts";
import { isUntold, untoldOutcome } from "../untold-outcome.ts";
import { type Finding, type Sweep, toIncident } from "./finding.ts";
import { repairRequest } from "./left-behind.ts";
import { SETTLED_AFTER_MS } from "./left-version.ts";
import type { Reconciler } from "./reconcile.ts";

/** How far back executions are looked at. An older one is found by the labels that it has left. */
const LOOK_BACK_MS = 2 * 24 * 60 * 60 * 1000;
/** Pages of 100 of one status: ListExecutions refills 2 to 5 calls a second, for everybody in the account. */
const PAGES = 3;
const STATUSES = ["TIMED_OUT", "ABORTED", "FAILED"] as const satisfies readonly ExecutionStatus[];

/**
 * Executions that ended without reaching a Fail state of ours, or could not tell their outcome: nobody knows, and what the
 * former did may be half done. The rule
 * on status changes does the same at once, with the same names; this is for the event that did not come.
 *
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function* findDeadExecutions(reconciler: Reconciler, sweep: Sweep): AsyncGenerator<Finding> {
  for (const status of STATUSES) {
    for await (const item of newest(reconciler, sweep, status)) {
      const finding = await lookAt(reconciler, sweep, item);
      if (finding !== undefined) yield finding;
    }
  }
}

/** Listed by their start, newest first: one that waited long for its window may come after pages of older ends. */
async function* newest(
  { sfn, stateMachineArn }: Reconciler,
  { nowMs }: Sweep,
  statusFilter: ExecutionStatus,
): AsyncGenerator<ExecutionListItem> {
  let nextToken: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const request = { stateMachineArn, statusFilter, maxResults: 100, nextToken };
    const listed = await sfn
      .send(new ListExecutionsCommand(request))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, `states:ListExecutions of ${stateMachineArn}`)));
    yield* (listed.executions ?? []).filter((each) => (each.stopDate?.getTime() ?? 0) >= nowMs - LOOK_BACK_MS);
    nextToken = listed.nextToken;
    if (nextToken === undefined) return;
  }
}

async function lookAt(
  reconciler: Reconciler,
  sweep: Sweep,
  { name = "", stopDate }: ExecutionListItem,
): Promise<Finding | undefined> {
  const { sfn, stateMachineArn } = reconciler;
  const sinceMs = (stopDate?.getTime() ?? 0) + SETTLED_AFTER_MS;
  if (sweep.nowMs < sinceMs) return undefined;
  const execution = await describeExecution(sfn, stateMachineArn, name);
  if (execution === undefined || isRunning(execution)) return undefined;
  const parsed = rotationInput.safeParse(execution.input);
  if (!parsed.success) return undefined;
  const { secretArn, token } = parsed.data;
  if (OWN_ENDS.has(execution.error ?? "")) {
    if (!isUntold(execution)) return undefined;
    return {
      diagnosis: "OutcomeUntold",
      incident: untoldOutcome(reconciler.policies, execution, parsed.data),
      sinceMs,
    };
  }
  const { repair, exists } = await repairAfter(sfn, stateMachineArn, parsed.data, execution);
  if (exists) return undefined;
  const secret = { arn: secretArn, name: secretNameOf(secretArn) };
  const policy = policyFor(reconciler.policies, secret);
  if (policy === undefined) {
    const incident = toIncident(secret, policy, sweep, {
      diagnosis: "DeadExecution",
      token,
      execution,
      message: `The rotation of ${secret.name} ended ${execution.error ?? execution.status} half-way, and cannot be repaired: no policy of rotation.config names the secret any more. Which version the target accepts is not known.`,
      nextSteps: ["Put its entry back into rotation.config and deploy: the repair is then asked for by itself."],
      severity: "critical",
    });
    return { diagnosis: "DeadExecution", incident, sinceMs };
  }
  const isRepaired = repair <= AUTOMATIC_REPAIRS;
  return {
    diagnosis: "DeadExecution",
    request: isRepaired ? repairRequest(secretArn, token, repair, "DeadExecution") : undefined,
    incident: died(reconciler, execution, { secretArn, token }, isRepaired ? repair : undefined),
    sinceMs,
  };
}
