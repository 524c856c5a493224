import { RotationError } from "./errors.ts";
import { HISTORY_KEPT_MS } from "./executions.ts";
import { isGate } from "./is-gate.ts";
import type { Planner } from "./plan.ts";
import type { Policy } from "./policies.ts";
import { emptyPlan, type RotationPlan } from "./rotation-plan.ts";
import { createdAt } from "./versions/created-at.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
  type Secret,
} from "./versions/secret.ts";

/**
 * The repair of a version that no execution has rotated: the gate, or Secrets Manager with its empty placeholder, has put a
 * label on it, and the execution never started. Nothing was touched then, so the labels come off. Reads only.
 *
 * @throws RotationError ConfigurationInvalid: the version is not ours, or so old that its execution may have been forgotten
 */
export async function planOrphan(
  planner: Planner,
  secret: Secret,
  policy: Policy,
  token: string,
): Promise<RotationPlan> {
  const isDriven = policy.mode === "driven" && secret.rotationEnabled !== true;
  const plan = emptyPlan(secret, policy, token, isDriven ? "driven" : "native");
  if (holds(secret.labels, token, AWSCURRENT)) return { ...plan, reason: "the version is AWSCURRENT" };
  const labelled = [ROTATION_CANDIDATE, ROTATION_ROLLED_BACK].some((label) => holds(secret.labels, token, label));
  const isPending = holds(secret.labels, token, AWSPENDING);
  if (!labelled && !(isPending && isGate(secret.rotationLambdaArn, planner.gateFunctionArn))) {
    throw new RotationError(
      "ConfigurationInvalid",
      `No execution has rotated version ${token} of ${secret.name}, and it carries no label of a rotation of ours: nothing to repair.`,
    );
  }
  const created = await createdAt(planner.client, secret.arn, token);
  if (created !== undefined && planner.nowMs - created.getTime() < HISTORY_KEPT_MS) {
    return { ...plan, decision: "discard", reason: "no execution has ever rotated the version" };
  }
  throw new RotationError(
    "ConfigurationInvalid",
    `Version ${token} of ${secret.name} is older than the histories of executions: nobody knows any more whether the target has its password. Find out which version signs in, and take the labels off by hand.`,
  );
}
