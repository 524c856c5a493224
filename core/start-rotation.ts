import { type SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { fromAwsError, hasName } from "./aws.ts";
import { executionName, repairName } from "./identity.ts";

export interface RotationStart {
  readonly secretArn: string;
  readonly token: string;
  readonly mode: "native" | "driven" | "observed";
}

/**
 * Starts the workflow for one version, once: the name is derived from secret and token, and the input is the same text
 * each time (StartExecution is idempotent by name for 90 days). May be repeated by anybody, any number of times.
 *
 * @returns "duplicate" when an execution of that name has ended, or runs with another input. While it runs with the same
 *   input AWS answers as it did the first time: "started"
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export function startRotation(
  sfn: SFNClient,
  stateMachineArn: string,
  { secretArn, token, mode }: RotationStart,
): Promise<"started" | "duplicate"> {
  return start(sfn, stateMachineArn, executionName(secretArn, token), { secretArn, token, mode });
}

/**
 * Starts a repair of a version's execution: `<its name>-r<n>`. Whoever asks for the same n shares it. There is no gap in
 * the numbers: whoever looks for repairs counts up to the first that does not exist.
 *
 * @param repair n, at most one more than the repairs that are there
 * @returns as startRotation
 * @throws RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function startRepair(
  sfn: SFNClient,
  stateMachineArn: string,
  { secretArn, token, repair }: { readonly secretArn: string; readonly token: string; readonly repair: number },
): Promise<{ readonly decision: "started" | "duplicate"; readonly name: string }> {
  const name = repairName(executionName(secretArn, token), repair);
  return { decision: await start(sfn, stateMachineArn, name, { secretArn, token, mode: "repair" }), name };
}

async function start(
  sfn: SFNClient,
  stateMachineArn: string,
  name: string,
  { secretArn, token, mode }: { readonly secretArn: string; readonly token: string; readonly mode: string },
): Promise<"started" | "duplicate"> {
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
