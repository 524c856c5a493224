import { holderOf, ROTATION_FROZEN, type Secret } from "../core/versions/secret.ts";
import { CliError } from "./cli-error.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT } from "./exit-status.ts";
import { type RotationRequest, refusalOf } from "./request.ts";
import type { Session } from "./session.ts";

/** What dispatch or Plan would refuse is refused here, where the reason can be read at once. @throws CliError with the reason */
export async function refuse(session: Session, deployment: Deployment, request: RotationRequest): Promise<void> {
  refuseFrozen(request.secret);
  const refusal = await refusalOf(session, deployment, request);
  if (refusal === undefined) return;
  throw new CliError(EXIT.nothingChanged, `${refusal.message} Nothing was asked for.`, undefined, refusal.name);
}

/** Nobody rotates or repairs a secret whose rollback has failed, until a person has looked. @throws CliError it is frozen */
export function refuseFrozen({ name, labels }: Secret): void {
  const frozen = holderOf(labels, ROTATION_FROZEN);
  if (frozen === undefined) return;
  throw new CliError(
    EXIT.blocked,
    `${name} is frozen: ROTATION_FROZEN is on version ${frozen}. Nothing was asked for.`,
    `make target and labels agree, then: rotor unfreeze ${name}`,
    "SecretFrozen",
  );
}
