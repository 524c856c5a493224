import { RotationError } from "../errors.ts";
import { mayName } from "../secret-names.ts";
import type { RotationContext } from "./strategy.ts";

/**
 * The administrator's secret that a credential names (`masterarn`), if it is the one that the policy names: whoever may write one
 * secret must not have any administrator signed in whose secret may be read for other policies.
 *
 * @throws RotationError ConfigurationInvalid when it is not the policy's (nothing was read then); and what `readSecret` throws
 */
export async function readAdministrator(masterarn: string, context: RotationContext): Promise<unknown> {
  const { administratorSecretId } = context.policy;
  if (administratorSecretId !== undefined && mayName(masterarn, administratorSecretId)) {
    return context.readSecret(masterarn);
  }
  const why =
    administratorSecretId === undefined
      ? "The secret has a masterarn, and its policy has no administratorSecretId: name that secret there"
      : `The secret's masterarn is not the policy's administratorSecretId, ${administratorSecretId}: put right whichever is wrong`;
  throw new RotationError("ConfigurationInvalid", `${why}. The administrator's secret was not read.`);
}
