import { DescribeExecutionCommand, type SFNClient } from "@aws-sdk/client-sfn";
import { fromAwsError } from "../core/aws.ts";
import { type Execution, isRunning, outcomeOf, repairsOf } from "../core/executions.ts";
import { AWSCURRENT, describeSecret, holderOf, ROTATION_FROZEN, type Secret } from "../core/versions/secret.ts";
import { baseOf } from "./base-of.ts";
import { CliError } from "./cli-error.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT } from "./exit-status.ts";
import { type FoundRun, newestRunOf } from "./runs.ts";
import type { Session } from "./session.ts";

/**
 * A run is tried again where it has died and may go on, or has ended without a version that is live and nothing has gone on since.
 * @throws CliError with the reason why not; RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function refuseRetry(session: Session, deployment: Deployment, found: FoundRun): Promise<void> {
  const { execution, rotation } = found;
  const { secretArn, secretName } = rotation;
  const { name } = execution;
  const { secretsManager, sfn } = session.clients;
  if (isRunning(execution)) {
    throw new CliError(
      EXIT.nothingChanged,
      `Run ${name} is at work. Nothing was done.`,
      `follow it: rotor watch ${name}`,
    );
  }
  const outcome = outcomeOf(execution);
  if (outcome === "SUCCEEDED" || outcome === "NOT_CONVERGED") {
    throw new CliError(
      EXIT.nothingChanged,
      `Run ${name} ended ${outcome.replaceAll("_", " ")}: its version is live. Nothing was done.`,
      `rotate again: rotor rotate ${secretName}`,
    );
  }
  const secret = await describeSecret(secretsManager, secretArn);
  if (outcome === "ROLLBACK_FAILED" && holderOf(secret.labels, ROTATION_FROZEN) !== undefined) {
    throw new CliError(
      EXIT.blocked,
      `Run ${name} could not be rolled back, and ${secretName} is frozen. Nothing was done.`,
      `make target and labels agree, then: rotor unfreeze ${secretName}`,
      "RollbackFailed",
    );
  }
  if (outcome === "DIED") return await refuseRedrive(sfn, deployment, found);
  if (await isPast(session, deployment, execution, secret)) {
    throw new CliError(
      EXIT.nothingChanged,
      `Run ${name} is past: ${secretName} has gone on since, and another attempt would be a rotation from what is AWSCURRENT now. Nothing was asked for.`,
      `if that is meant: rotor rotate ${secretName}`,
    );
  }
}

// --- internal ---

async function refuseRedrive(
  sfn: SFNClient,
  { stateMachineArn }: Deployment,
  { execution: { arn, name }, rotation: { secretArn, secretName, token } }: FoundRun,
): Promise<void> {
  const repairs = await repairsOf(sfn, stateMachineArn, secretArn, token);
  // Of a repair those before it are what it has taken up.
  const others = repairs.slice(repairs.findIndex((each) => each.name === name) + 1);
  if (others.length > 0) {
    throw new CliError(
      EXIT.nothingChanged,
      `Run ${name} has been repaired since, by ${others.at(-1)?.name}: it must not go on. Nothing was done.`,
      `make another attempt: rotor rotate ${secretName}`,
    );
  }
  const { redriveStatus, redriveStatusReason } = await sfn
    .send(new DescribeExecutionCommand({ executionArn: arn }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `states:DescribeExecution of ${name}`)));
  if (redriveStatus === "NOT_REDRIVABLE") {
    throw new CliError(
      EXIT.nothingChanged,
      `Step Functions does not let run ${name} go on: ${redriveStatusReason ?? "no reason given"}. Nothing was done.`,
      `repair what it left: rotor repair ${secretName}`,
    );
  }
}

/** Whether AWSCURRENT is another version than the run began from; where it had no plan, whether another run came after it. */
async function isPast(
  { clients }: Session,
  { stateMachineArn }: Deployment,
  execution: Execution,
  { arn, labels }: Secret,
): Promise<boolean> {
  const base = await baseOf(clients.sfn, execution);
  if (base !== undefined) return holderOf(labels, AWSCURRENT) !== base;
  const newest = await newestRunOf(clients, stateMachineArn, arn);
  return newest?.execution.name !== execution.name;
}
