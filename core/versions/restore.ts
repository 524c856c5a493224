import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import type { LabelTable } from "../outcome.ts";
import { moveLabel } from "./move-label.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  AWSPREVIOUS,
  describeSecret,
  hasValue,
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
 * Moves AWSCURRENT from the candidate back to the base. Always issued: only AWS's refusal plus a read means that it is not
 * on the candidate.
 * @returns the version that holds AWSCURRENT afterwards: the base, or a third one that somebody else has moved it to
 * @throws RotationError VersionNotVisible (refused, yet a read shows the candidate)
 */
export async function restoreCurrent(
  client: SecretsManagerClient,
  { secretArn, token, base }: Restoration,
): Promise<string> {
  if ((await moveLabel(client, { secretArn, label: AWSCURRENT, to: base, from: token })) === "moved") return base;
  const current = holderOf((await describeSecret(client, secretArn)).labels, AWSCURRENT);
  if (current !== undefined && current !== token) return current;
  throw new RotationError(
    "VersionNotVisible",
    `Moving AWSCURRENT of ${secretArn} back to ${base} was refused, yet it shows on ${current ?? "no version"}.`,
  );
}

/** Takes AWSPENDING off the candidate, in both modes: a rolled-back rotation is over. May be repeated. */
export async function takePendingOff(client: SecretsManagerClient, { secretArn, token }: Restoration): Promise<void> {
  await moveLabel(client, { secretArn, label: AWSPENDING, from: token });
}

/**
 * Puts AWSPREVIOUS where it was. AWS has moved it onto the candidate together with AWSCURRENT, if that was moved back.
 * @returns a remark when it could not be: the version that held it is gone, or somebody else has moved it
 * @throws RotationError VersionNotVisible (refused, and nothing that is read explains why)
 */
export async function restorePrevious(
  client: SecretsManagerClient,
  restoration: Restoration,
): Promise<string | undefined> {
  const { secretArn, token, previous } = restoration;
  if (previous === undefined) {
    await moveLabel(client, { secretArn, label: AWSPREVIOUS, from: token });
    return undefined;
  }
  if ((await moveLabel(client, { secretArn, label: AWSPREVIOUS, to: previous, from: token })) === "moved")
    return undefined;
  // Refused. Case 1: it never left. Case 2: somebody else moved it. Case 3: it is on no version. Case 4: that version is gone.
  const holder = holderOf((await describeSecret(client, secretArn)).labels, AWSPREVIOUS);
  if (holder === previous) return undefined;
  if (holder !== undefined && holder !== token) {
    return `AWSPREVIOUS was moved to version ${holder} by somebody else during the rotation, and stays there.`;
  }
  if (holder === undefined && (await moveLabel(client, { secretArn, label: AWSPREVIOUS, to: previous })) === "moved") {
    return undefined;
  }
  if (await hasValue(client, secretArn, previous)) {
    throw new RotationError(
      "VersionNotVisible",
      `AWSPREVIOUS of ${secretArn} could not be put back on version ${previous} yet.`,
    );
  }
  await moveLabel(client, { secretArn, label: AWSPREVIOUS, from: token });
  return `Version ${previous}, which held AWSPREVIOUS before, is gone; AWSPREVIOUS is on no version now.`;
}

/**
 * Marks the candidate as rolled back. Only after what is live has signed in: until then ROTATION_CANDIDATE may be the only
 * label on the only version that opens the door. May be repeated.
 * @param wasSet whether the candidate has a value, which the target may have taken; without one it is let go of unmarked
 * @returns a remark when the mark could not be put on: a secret has at most 20 staging labels
 * @throws RotationError VersionNotVisible (the mark is not seen where it was put), and what moveLabel throws
 */
export async function markRolledBack(
  client: SecretsManagerClient,
  { secretArn, token }: Restoration,
  wasSet: boolean,
): Promise<string | undefined> {
  let remark: string | undefined;
  if (wasSet) {
    await putLabel(client, secretArn, ROTATION_ROLLED_BACK, token).catch((error: unknown) => {
      if (!(error instanceof RotationError) || error.name !== "ConfigurationInvalid") throw error;
      remark = `${ROTATION_ROLLED_BACK} could not be put on version ${token}: the secret has 20 staging labels.`;
    });
  }
  await moveLabel(client, { secretArn, label: ROTATION_CANDIDATE, from: token });
  return remark;
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
