import { readCredentialIfAny, rotationContext, type Target } from "./credentials.ts";
import type { LabelTable, TruthRow } from "./outcome.ts";

/**
 * Measures which labelled versions open the door: one sign-in each. Changes nothing; may be repeated.
 * @throws RotationError AccessDenied, SecretNotFound, Throttled, ServiceUnavailable (reading the values)
 */
export async function measureTruth(target: Target, labels: LabelTable): Promise<readonly TruthRow[]> {
  const rows: TruthRow[] = [];
  for (const [versionId, held] of Object.entries(labels)) {
    const credential = await readCredentialIfAny(target, versionId);
    const signIn =
      credential === undefined ? "no value" : await target.strategy.signIn(credential, rotationContext(target));
    rows.push({ versionId, labels: held, signIn });
  }
  return rows;
}
