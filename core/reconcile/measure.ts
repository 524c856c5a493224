import type { Target } from "../credentials.ts";
import { measureTruth } from "../truth-table.ts";
import { describeSecret } from "../versions/secret.ts";
import type { Measured } from "./drift.ts";

/**
 * Whether AWSCURRENT, which the target's `token` names, signs in. Only if it is refused are the other labelled versions tried,
 * once each: wrong passwords may lock an account. Changes nothing.
 *
 * @throws RotationError SecretNotFound, AccessDenied, Throttled, ServiceUnavailable
 */
export async function measureCurrent(target: Target): Promise<Measured> {
  const { [target.token]: held = [], ...others } = (await describeSecret(target.client, target.secretArn)).labels;
  const [own] = await measureTruth(target, { [target.token]: held });
  const current = own?.signIn ?? "unreadable";
  const rest = current === "rejected" ? await measureTruth(target, others) : [];
  return { current, truthTable: own === undefined ? [] : [own, ...rest] };
}
