import { outcomeOf } from "../core/executions.ts";
import { shell, takeOff } from "../core/notifications/commands.ts";
import type { Policy } from "../core/policies.ts";
import { notOurs } from "../core/reconcile/left-behind.ts";
import { type LeftVersion, leftVersions } from "../core/reconcile/left-version.ts";
import type { Suspect } from "../core/reconcile/suspect.ts";
import type { Secret } from "../core/versions/secret.ts";
import { CliError } from "./cli-error.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT } from "./exit-status.ts";

/** What a rotation has left on a secret, or seems to have. */
export interface LeftOver extends LeftVersion {
  /**
   * "to repair": `repair` takes it up. "not ours": a person has to decide. "young": whoever put the label there may be at work,
   * Secrets Manager or its owner for one, and no execution has come of it yet.
   */
  readonly state: "to repair" | "not ours" | "young";
}

/** By the same rules as reconcile, except that an execution's end is waited for by nobody who asks. @throws as leftVersions */
export async function leftOver(deployment: Deployment, suspect: Suspect, nowMs: number): Promise<readonly LeftOver[]> {
  const left = await leftVersions({ gateFunctionArn: deployment.functionArn("gate") }, suspect, nowMs);
  return left.map((each) => ({ ...each, state: stateOf(each, suspect.policy, nowMs) }));
}

/** Why none of it is repaired. */
export function refusalOfLeft(secret: Secret, left: LeftOver): CliError {
  if (left.state === "not ours") {
    return new CliError(EXIT.nothingChanged, `${notOurs(secret, left)} Nothing was asked for.`, todoOf(secret, left));
  }
  return new CliError(
    EXIT.nothingChanged,
    `${left.label} is on version ${left.token} of ${secret.name}, and no run has begun with it yet: whoever put it there may be at work. Nothing was asked for.`,
    `look again after ${new Date(left.sinceMs).toISOString()}: rotor doctor ${secret.name}`,
  );
}

/** What there is to do about a version that was left. */
export function todoOf(secret: Secret, left: LeftOver): string {
  if (left.state === "to repair") return `rotor repair ${secret.name}`;
  const owner = secret.owningService ?? secret.type;
  if (owner !== undefined) return `ask the owner, ${owner}: only that service can change the secret's versions`;
  const command = shell(takeOff({ secretArn: secret.arn, secretName: secret.name }, left.label, left.token)).join(" ");
  return `ask who wrote it (docs/runbooks.md#stuckpending); where the target accepts AWSCURRENT, take the label off: ${command}`;
}

// --- internal ---

function stateOf(left: LeftVersion, policy: Policy | undefined, nowMs: number): LeftOver["state"] {
  if (!left.hasEnded && nowMs < left.sinceMs) return "young";
  const { last } = left.seen;
  // It may have died before a label of ours was on it.
  const hasDied = last !== undefined && outcomeOf(last) === "DIED";
  return left.isOurs || (hasDied && policy !== undefined) ? "to repair" : "not ours";
}
