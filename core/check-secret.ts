import type { SFNClient } from "@aws-sdk/client-sfn";
import { RotationError } from "./errors.ts";
import { executionsOf, hasLetGo, isRunning } from "./executions.ts";
import { type Policy, policyFor } from "./policies.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  holderOf,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_FROZEN,
  type Secret,
} from "./versions/secret.ts";

/** The policy of a secret. @throws RotationError ConfigurationInvalid when there is none */
export function requirePolicy(policies: readonly Policy[], secret: Secret): Policy {
  const policy = policyFor(policies, secret);
  if (policy !== undefined) return policy;
  throw new RotationError(
    "ConfigurationInvalid",
    `No policy of rotation.config names ${secret.name} in this stage. Add an entry with its name or ARN as secretId, or this stage to its stages. Nothing was touched.`,
  );
}

/**
 * Whether a secret may be rotated by us now. Plan asks it, and so does the gate before it writes a value. Reads only.
 * @throws RotationError SecretFrozen, SecretNotFound, SecretManagedElsewhere, ConfigurationInvalid, RotationInProgress
 */
export async function checkSecret(
  secret: Secret,
  token: string,
  account: { readonly sfn: SFNClient; readonly stateMachineArn: string; readonly region: string },
): Promise<{ readonly base: string }> {
  checkNotFrozen(secret);
  if (secret.deleted) {
    throw new RotationError(
      "SecretNotFound",
      `${secret.name} is scheduled for deletion. Restore it before it can be rotated.`,
    );
  }
  checkNotManagedElsewhere(secret, account.region);
  const base = holderOf(secret.labels, AWSCURRENT);
  if (base === undefined) {
    throw new RotationError("ConfigurationInvalid", `${secret.name} has no AWSCURRENT version: put a first value.`);
  }
  await checkNobodyElse(secret, token, account);
  checkNotPendingElsewhere(secret, token);
  return { base };
}

/**
 * A secret of another AWS service, a managed external secret and a replica: no version of them can be written here.
 * @throws RotationError SecretManagedElsewhere
 */
export function checkNotManagedElsewhere(secret: Secret, region: string): void {
  if (secret.owningService !== undefined || secret.type !== undefined) {
    throw new RotationError(
      "SecretManagedElsewhere",
      `${secret.name} is managed by ${secret.owningService ?? secret.type}: only that service can write its versions. Use mode "observed".`,
    );
  }
  if (secret.primaryRegion !== undefined && secret.primaryRegion !== region) {
    throw new RotationError(
      "SecretManagedElsewhere",
      `${secret.name} is a replica; rotate it in ${secret.primaryRegion}.`,
    );
  }
}

/** @throws RotationError SecretFrozen */
export function checkNotFrozen(secret: Secret): void {
  const frozen = holderOf(secret.labels, ROTATION_FROZEN);
  if (frozen === undefined) return;
  throw new RotationError(
    "SecretFrozen",
    `${secret.name} is frozen: a rollback of version ${frozen} failed. When the target and the labels agree again, take ${ROTATION_FROZEN} off that version.`,
  );
}

/** AWSPENDING on AWSCURRENT is what AWS's templates leave behind after success; anywhere else somebody is at work. */
function checkNotPendingElsewhere({ name, labels }: Secret, token: string): void {
  const pending = holderOf(labels, AWSPENDING);
  if (pending === undefined || pending === token || pending === holderOf(labels, AWSCURRENT)) return;
  throw new RotationError(
    "RotationInProgress",
    `Version ${pending} of ${name} holds AWSPENDING: another rotation is not complete. Let it end, or repair what it left, before AWSPENDING is taken off: the target may have that version's password.`,
  );
}

/**
 * One execution per secret: a look at every other labelled version's, whose names are derived from the version ids. And no
 * version that another rotation has not let go of: its ROTATION_CANDIDATE may be the last label on the only password that
 * works, and writing ours would take it off.
 * @throws RotationError RotationInProgress; AccessDenied, Throttled, ServiceUnavailable
 */
export async function checkNobodyElse(
  secret: Secret,
  token: string,
  { sfn, stateMachineArn }: { readonly sfn: SFNClient; readonly stateMachineArn: string },
): Promise<void> {
  const current = holderOf(secret.labels, AWSCURRENT);
  for (const versionId of Object.keys(secret.labels).filter((each) => each !== token)) {
    const executions = await executionsOf(sfn, stateMachineArn, secret.arn, versionId);
    const running = executions.find(isRunning);
    if (running !== undefined) {
      throw new RotationError(
        "RotationInProgress",
        `Execution ${running.name} is rotating ${secret.name} now. Nothing was touched by this one.`,
      );
    }
    const candidate = versionId !== current && holds(secret.labels, versionId, ROTATION_CANDIDATE);
    if (candidate && !hasLetGo(executions)) {
      throw new RotationError(
        "RotationInProgress",
        `Execution ${executions.at(-1)?.name} of ${secret.name} ended before its rotation was finished or taken back, and the target may have version ${versionId}. Repair it first. Nothing was touched by this one.`,
      );
    }
  }
}
