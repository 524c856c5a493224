import { type SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { fromAwsError, hasName } from "./aws.ts";
import { executionName } from "./identity.ts";

export interface RotationStart {
  readonly secretArn: string;
  readonly token: string;
  readonly mode: "native" | "driven" | "observed";
}

/**
 * Starts the workflow for one version, once: the name is derived from secret and token, and the input is the same text
 * each time (StartExecution is idempotent by name for 90 days). May be repeated by anybody, any number of times.
 *
 * @returns "duplicate" when an execution of that name exists, running or closed
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function startRotation(
  sfn: SFNClient,
  stateMachineArn: string,
  { secretArn, token, mode }: RotationStart,
): Promise<"started" | "duplicate"> {
  const name = executionName(secretArn, token);
  try {
    // Canonical: exactly these keys in this order. Who asked, and why, belongs into the event and the log.
    const input = JSON.stringify({ secretArn, token, mode });
    await sfn.send(new StartExecutionCommand({ stateMachineArn, name, input }));
    return "started";
  } catch (error) {
    if (hasName(error, "ExecutionAlreadyExists")) return "duplicate";
    throw fromAwsError(error, `states:StartExecution of ${name}`);
  }
}
