import { RotationError } from "./errors.ts";
import { describeExecution, isRunning, provesRollback } from "./executions.ts";
import { deriveToken, executionName, requestOf } from "./identity.ts";
import type { RehearsalRun } from "./outcome.ts";
import type { Planner } from "./plan.ts";
import type { Policy } from "./policies.ts";
import { rehearsalDigest } from "./rehearsal.ts";
import type { RotationPlan } from "./rotation-plan.ts";
import { isCurrentAfterAll } from "./versions/is-current-after-all.ts";
import { AWSCURRENT, holderOf, type Secret } from "./versions/secret.ts";
import { nextOpening } from "./windows.ts";

/**
 * Driven: a token is one of this base, or nobody has asked for it; a lower attempt that still runs, waiting for its window
 * perhaps, has the right of way. And the policy's windows are open, or the plan says how long to wait.
 * @throws RotationError VersionNotVisible (first attempt: the base is another one), RotationInProgress, OutsideWindow
 */
export async function checkRequest(
  planner: Planner,
  secret: Secret,
  policy: Policy,
  base: string,
  token: string,
): Promise<Pick<RotationPlan, "decision" | "reason" | "waitSeconds">> {
  const request = requestOf(token, secret.arn, base);
  if (request === undefined) {
    // AWSCURRENT may have moved only just now. One read is not believed: nobody can ask for this version again.
    const asked = { client: planner.client, secretArn: secret.arn };
    if (planner.retries === 0 || !(await isCurrentAfterAll(asked, base))) {
      throw new RotationError(
        "VersionNotVisible",
        `AWSCURRENT of ${secret.name} shows on version ${base}, which version ${token} was not asked for from; looking again.`,
      );
    }
    return { decision: "ignore", reason: "AWSCURRENT is not the version that the requester saw", waitSeconds: 0 };
  }
  for (let attempt = 1; attempt < request.attempt; attempt += 1) {
    const name = executionName(secret.arn, deriveToken(secret.arn, base, attempt, request.kind));
    const lower = await describeExecution(planner.sfn, planner.stateMachineArn, name);
    if (lower === undefined || !isRunning(lower)) continue;
    throw new RotationError(
      "RotationInProgress",
      `Execution ${name}, an earlier attempt of the same rotation of ${secret.name}, has not ended. Nothing was touched by this one.`,
    );
  }
  if (request.kind === "emergency") return { decision: "rotate", reason: "emergency", waitSeconds: 0 };
  return checkWindow(planner, secret, policy);
}

/**
 * What a rehearsal is at. Its second part counts only if the first was taken back, from the same base, and that was proved.
 * @returns null where the token was not asked for as a rehearsal
 * @throws RotationError ConfigurationInvalid: the policy does not rehearse (any more), and a part of one is no rotation of its own
 */
export async function readRehearsal(
  planner: Planner,
  secret: Secret,
  policy: Policy,
  base: string,
  token: string,
): Promise<RehearsalRun | null> {
  const request = requestOf(token, secret.arn, base);
  if (request?.kind !== "rehearsal" && request?.kind !== "rehearsed") return null;
  if (policy.strategy === undefined || !policy.rehearses) {
    throw new RotationError(
      "ConfigurationInvalid",
      `Version ${token} of ${secret.name} was asked for as a rehearsal, and its policy does not have "rehearses: true" (any more). Nothing was touched.`,
    );
  }
  const run = { digest: rehearsalDigest(policy, planner.definition), strategy: policy.strategy };
  if (request.kind === "rehearsal") return { ...run, part: "roll-back", rollbackExecution: null };
  const first = await findFirstPart(planner, secret, base, request.attempt);
  const proved = first !== undefined && provesRollback(first);
  return { ...run, part: "rotation", rollbackExecution: proved ? first.name : null };
}

/**
 * The end of a rehearsal's first part is told, and its second part asked for, just before the execution of the first ends.
 * @throws RotationError VersionNotVisible: look again
 */
export async function checkFirstPartEnded(planner: Planner, secret: Secret, token: string): Promise<void> {
  const base = holderOf(secret.labels, AWSCURRENT) ?? "";
  const request = requestOf(token, secret.arn, base);
  if (request?.kind !== "rehearsed") return;
  const first = await findFirstPart(planner, secret, base, request.attempt);
  if (first === undefined || !isRunning(first)) return;
  throw new RotationError(
    "VersionNotVisible",
    `Execution ${first.name}, the first part of the rehearsal, has not ended.`,
  );
}

function findFirstPart({ sfn, stateMachineArn }: Planner, { arn }: Secret, base: string, attempt: number) {
  return describeExecution(sfn, stateMachineArn, executionName(arn, deriveToken(arn, base, attempt, "rehearsal")));
}

function checkWindow(
  { nowMs }: Planner,
  secret: Secret,
  policy: Policy,
): Pick<RotationPlan, "decision" | "reason" | "waitSeconds"> {
  const opening = nextOpening(nowMs, policy.windows, policy.freezes);
  if (opening.open) return { decision: "rotate", reason: "asked for", waitSeconds: 0 };
  const { opensAtMs, because } = opening;
  const waitSeconds = opensAtMs === undefined ? undefined : Math.ceil((opensAtMs - nowMs) / 1000);
  if (policy.outsideWindow === "wait" && waitSeconds !== undefined && waitSeconds <= LONGEST_WAIT_SECONDS) {
    return { decision: "wait", reason: because, waitSeconds };
  }
  const opens =
    opensAtMs === undefined ? "does not open within a year" : `opens at ${new Date(opensAtMs).toISOString()}`;
  throw new RotationError(
    "OutsideWindow",
    `${secret.name} may not be rotated now: ${because}. It ${opens}. Ask again then, or for an emergency. Nothing was touched.`,
  );
}

/** Histories are kept for 90 days: a request that old is not meant any more. */
const LONGEST_WAIT_SECONDS = 90 * 24 * 60 * 60;
