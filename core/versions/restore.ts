import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import type { LabelTable } from "../outcome.ts";
import { moveLabel } from "./move-label.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  AWSPREVIOUS,
  describeSecret,
  holderOf,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
} from "./secret.ts";

export interface Restoration {
  readonly secretArn: string;
  readonly token: string;
  readonly base: string;
  /** The version that held AWSPREVIOUS before; absent when none did. */
  readonly previous?: string;
}

/**
 * Moves AWSCURRENT from the candidate back to the base. Always issued: only AWS's refusal plus a read that shows the base
 * means that it is there already.
 * @throws RotationError VersionNotVisible (refused, yet a read shows the candidate), RollbackFailed (a third version holds it)
 */
export async function restoreCurrent(
  client: SecretsManagerClient,
  { secretArn, token, base }: Restoration,
): Promise<void> {
  if ((await moveLabel(client, { secretArn, label: AWSCURRENT, to: base, from: token })) === "moved") return;
  const current = holderOf((await describeSecret(client, secretArn)).labels, AWSCURRENT);
  if (current === base) return;
  if (current === token) {
    throw new RotationError(
      "VersionNotVisible",
      `Moving AWSCURRENT of ${secretArn} back to ${base} was refused, yet it shows on ${token}.`,
    );
  }
  throw new RotationError(
    "RollbackFailed",
    `AWSCURRENT of ${secretArn} was moved to version ${current ?? "none"} by somebody else during the rotation; it was not taken from there.`,
  );
}

/** Takes AWSPENDING off the candidate, in both modes: a rolled-back rotation is over. May be repeated. */
export async function takePendingOff(client: SecretsManagerClient, { secretArn, token }: Restoration): Promise<void> {
  await moveLabel(client, { secretArn, label: AWSPENDING, from: token });
}

/**
 * Puts AWSPREVIOUS where it was. AWS has moved it onto the candidate together with AWSCURRENT, if that was moved back.
 * @returns "restored"; "gone" when the version that held it does not exist any more: the label then comes off the candidate
 */
export async function restorePrevious(
  client: SecretsManagerClient,
  restoration: Restoration,
): Promise<"restored" | "gone"> {
  const { secretArn, token, previous } = restoration;
  if (previous === undefined) {
    await moveLabel(client, { secretArn, label: AWSPREVIOUS, from: token });
    return "restored";
  }
  if ((await moveLabel(client, { secretArn, label: AWSPREVIOUS, to: previous, from: token })) === "moved")
    return "restored";
  // Refused. Case 1: it never left. Case 2: it is on no version (a first attempt was cut off). Case 3: that version is gone.
  const holder = holderOf((await describeSecret(client, secretArn)).labels, AWSPREVIOUS);
  if (holder === previous) return "restored";
  if (holder === undefined && (await moveLabel(client, { secretArn, label: AWSPREVIOUS, to: previous })) === "moved")
    return "restored";
  await moveLabel(client, { secretArn, label: AWSPREVIOUS, from: token });
  return "gone";
}

/**
 * Marks the candidate as rolled back. Only after the base has signed in: until then ROTATION_CANDIDATE may be the only
 * label on the only version that opens the door.
 */
export async function markRolledBack(
  client: SecretsManagerClient,
  { secretArn, token }: Restoration,
  hasValue: boolean,
): Promise<void> {
  if (hasValue) await putLabel(client, secretArn, ROTATION_ROLLED_BACK, token);
  await moveLabel(client, { secretArn, label: ROTATION_CANDIDATE, from: token });
}

/**
 * Puts a label of ours on a version, wherever it is now. May be repeated.
 * @throws RotationError VersionNotVisible when the label is seen on no version or on another one after the move
 */
export async function putLabel(
  client: SecretsManagerClient,
  secretArn: string,
  label: string,
  versionId: string,
): Promise<void> {
  const from = holderOf((await describeSecret(client, secretArn)).labels, label);
  if (from === versionId) return;
  if ((await moveLabel(client, { secretArn, label, to: versionId, from })) === "moved") return;
  if (holds((await describeSecret(client, secretArn)).labels, versionId, label)) return;
  throw new RotationError("VersionNotVisible", `${label} could not be put on version ${versionId} of ${secretArn}.`);
}

/**
 * Compares one fresh read with what the restoration promises.
 * @returns what is not as it should be; empty when all is
 */
export function differences(labels: LabelTable, { token, base, previous }: Restoration): readonly string[] {
  const found: string[] = [];
  const current = holderOf(labels, AWSCURRENT);
  if (current !== base) found.push(`AWSCURRENT is on ${current ?? "no version"} instead of ${base}`);
  if (holds(labels, token, AWSPENDING)) found.push(`AWSPENDING is still on ${token}`);
  if (holds(labels, token, AWSPREVIOUS)) found.push(`AWSPREVIOUS is on ${token}`);
  if (holds(labels, token, ROTATION_CANDIDATE)) found.push(`ROTATION_CANDIDATE is still on ${token}`);
  if (previous !== undefined && !holds(labels, previous, AWSPREVIOUS)) found.push(`AWSPREVIOUS is not on ${previous}`);
  return found;
}
