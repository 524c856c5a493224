import { CliError } from "./cli-error.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT } from "./exit-status.ts";
import { type RotationRequest, refusalOf } from "./request.ts";
import type { Session } from "./session.ts";

/** What dispatch would refuse is refused here, where the reason can be read at once. @throws CliError with the reason */
export async function refuse(session: Session, deployment: Deployment, request: RotationRequest): Promise<void> {
  const reason = await refusalOf(session, deployment, request);
  if (reason !== undefined) throw new CliError(EXIT.nothingChanged, `${reason} Nothing was asked for.`);
}
