import { readCredentialIfAny, rotationContext, type Target } from "./credentials.ts";
import type { LabelTable, TruthRow } from "./outcome.ts";

/**
 * Measures which labelled versions open the door: one sign-in each, all at once. Changes nothing, throws nothing; may be
 * repeated.
 */
export async function measureTruth(target: Target, labels: LabelTable): Promise<readonly TruthRow[]> {
  return Promise.all(
    Object.entries(labels).map(async ([versionId, held]): Promise<TruthRow> => {
      try {
        const credential = await readCredentialIfAny(target, versionId);
        if (credential === undefined) return { versionId, labels: held, signIn: "no value" };
        return { versionId, labels: held, signIn: await target.strategy.signIn(credential, rotationContext(target)) };
      } catch {
        return { versionId, labels: held, signIn: "unreadable" };
      }
    }),
  );
}
