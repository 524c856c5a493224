import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { RotationError } from "../errors.ts";
import { copyId } from "../identity.ts";
import type { LentLabels } from "../strategies/strategy.ts";
import { moveLabel } from "./move-label.ts";
import { putCandidate } from "./put-candidate.ts";
import type { Restoration } from "./restore.ts";
import { AWSCURRENT, AWSPENDING, AWSPREVIOUS, describeSecret, holderOf, holds, readVersion } from "./secret.ts";

/**
 * A version is put under some label, or it would be AWSCURRENT; and none of the others may be taken from where it is, for it may be
 * the last one on the only version that opens the door. It is on the copy alone, from its birth until AWSPENDING has come.
 */
export const ROTATION_COPY = "ROTATION_COPY";

/**
 * The labels that a rollback lends. No label is taken from somebody else's version, and none from the candidate but AWSPENDING, which
 * a rollback takes off anyway.
 *
 * The copy is a version of its own with the value of `live`. Nobody rotates it in: it never has ROTATION_CANDIDATE. Secrets Manager
 * abandons a rotation in which another version comes into being; one that is taken back is over.
 *
 * @param live the version that is to hold AWSCURRENT afterwards
 */
export function lendLabels(client: SecretsManagerClient, restoration: Restoration, live: string): LentLabels {
  const { secretArn, token, previous } = restoration;
  const labelsNow = async () => (await describeSecret(client, secretArn)).labels;
  return {
    async withBasePending(work) {
      const copy = copyId(secretArn, token, live);
      const { value } = await readVersion(client, secretArn, live);
      await putCandidate(client, { secretArn, token: copy, value, labels: [ROTATION_COPY] });
      return withPending(copy, async (id) => {
        await moveLabel(client, { secretArn, label: ROTATION_COPY, from: id });
        return work(id);
      });
    },
    async withCandidatePending(work) {
      return holds(await labelsNow(), token, AWSCURRENT) ? undefined : withPending(token, work);
    },
    async candidateToPrevious() {
      const from = holderOf(await labelsNow(), AWSPREVIOUS);
      if (from !== token) await lend(AWSPREVIOUS, token, from, [previous]);
    },
  };

  async function withPending<T>(versionId: string, work: (versionId: string) => Promise<T>): Promise<T> {
    const from = holderOf(await labelsNow(), AWSPENDING);
    const known = [undefined, token, restoration.base, live].flatMap((id) => [id, id && copyId(secretArn, token, id)]);
    if (from !== versionId) await lend(AWSPENDING, versionId, from, known);
    const takeOff = () => moveLabel(client, { secretArn, label: AWSPENDING, from: versionId });
    const result = await work(versionId).catch(async (error: unknown) => {
      // Tidying must not hide why. The next attempt takes the label from where it is.
      await takeOff().catch(() => {});
      throw error;
    });
    await takeOff();
    return result;
  }

  async function lend(
    label: string,
    to: string,
    from: string | undefined,
    known: readonly (string | undefined)[],
  ): Promise<void> {
    const isKnown = known.includes(from);
    if (isKnown && (await moveLabel(client, { secretArn, label, to, from })) === "moved") return;
    throw new RotationError(
      "VersionNotVisible",
      `${label} of ${secretArn} could not be lent to version ${to}: it shows on ${from ?? "no version"}${isKnown ? "" : ", which this rollback has no right to take it from"}.`,
    );
  }
}
