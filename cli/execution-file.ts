import { DescribeStateMachineForExecutionCommand, type SFNClient } from "@aws-sdk/client-sfn";
import { fromAwsError, hasName } from "../core/aws.ts";
import { outcomeOf } from "../core/executions.ts";
import { readRun } from "../core/history.ts";
import { buildNotification } from "../core/notifications/build-notification.ts";
import type { OutcomeFacts } from "../core/outcome.ts";
import { factsOf, readHistory } from "../core/run-facts.ts";
import { redactEvents } from "../view/redact.ts";
import { redactDefinition } from "../view/redact-definition.ts";
import { redactText, redactTexts } from "../view/redact-text.ts";
import type { Action, ExecutionFile, ExecutionPart, Place, RunHead, Told } from "../view/wire.ts";
import type { Deployment } from "./deployment.ts";
import { verdictOf } from "./run-view.ts";
import { type FoundRun, findRun } from "./runs.ts";
import type { Session } from "./session.ts";

/**
 * Everything that is shown of an execution, redacted: what `rotor export` writes, and what the page is given. Without actions: what can be
 * asked for is not the execution's.
 *
 * @param reference as of `findRun`
 * @throws CliError there is none; RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function readExecutionFile(
  { clients }: Pick<Session, "clients">,
  deployment: Deployment,
  reference: string,
): Promise<ExecutionFile> {
  const found = await findRun(clients, deployment, reference);
  const { arn } = found.execution;
  const definition = await readDefinition(clients.sfn, arn);
  const events = (await readHistory(clients.sfn, arn)) ?? [];
  const readAt = new Date();
  const facts = factsOf(readRun(events, readAt));
  return {
    schema: "rotor.execution/1",
    place: placeOf(deployment),
    ...partOf({ found, facts, stage: deployment.stage, readAt, actions: [] }),
    definition,
    events: redactEvents(events),
  };
}

export interface PartOf {
  readonly found: FoundRun;
  /** What its last step told: see `factsOf`. */
  readonly facts: OutcomeFacts | undefined;
  readonly stage: string;
  readonly readAt: Date;
  readonly actions: readonly Action[];
}

/** What changes while an execution goes on, but for its events. Pure. */
export function partOf({ found, facts, stage, readAt, actions }: PartOf): ExecutionPart {
  return {
    readAt: readAt.toISOString(),
    run: headOf(found),
    verdict: redactText(verdictOf(found, facts, stage)),
    told: facts === undefined ? null : toldOf(facts, stage),
    actions,
  };
}

/** Where a deployment is, and who looks at it. */
export function placeOf({ account, region, stage, callerArn }: Deployment): Place {
  return { account, region, stage, caller: callerArn.split(":").at(-1) ?? "" };
}

/**
 * The definition that an execution runs on, as it was when it began. null: it may not be read, or is not there any more.
 * @throws RotationError Throttled, ServiceUnavailable
 */
export async function readDefinition(sfn: SFNClient, executionArn: string): Promise<unknown> {
  const command = new DescribeStateMachineForExecutionCommand({ executionArn });
  const described = await sfn.send(command).catch((error: unknown) => {
    if (hasName(error, "ExecutionDoesNotExist") || hasName(error, "StateMachineDoesNotExist")) return undefined;
    const known = fromAwsError(error, `states:DescribeStateMachineForExecution of ${executionArn}`);
    if (known.name === "AccessDenied") return undefined;
    throw known;
  });
  try {
    return redactDefinition(JSON.parse(described?.definition ?? "null"));
  } catch {
    return null;
  }
}

// --- internal ---

function headOf({ execution, rotation }: FoundRun): RunHead {
  // What an execution was started with may be anybody's.
  return redactTexts({
    name: execution.name,
    arn: execution.arn,
    status: execution.status,
    outcome: outcomeOf(execution),
    secret: { name: rotation.secretName, arn: rotation.secretArn },
    token: rotation.token,
    mode: rotation.mode,
    startedAt: execution.startedAt?.toISOString() ?? null,
    endedAt: execution.stoppedAt?.toISOString() ?? null,
    redrivenAt: execution.redrivenAt?.toISOString() ?? null,
  });
}

function toldOf(facts: OutcomeFacts, stage: string): Told {
  const { json } = buildNotification(facts, { stage });
  const { outcome, severity, actionRequired, summary, secret, state, failure, rollbackFailure, dependents } = json;
  const { execution, secret: secretLink, runbook, errorRunbook } = json.links;
  const { moreVersions: _, ...shown } = state;
  return redactTexts({
    ...{ outcome, severity, actionRequired, summary },
    secret: { owner: secret.owner, strategy: secret.strategy },
    state: shown,
    ...{ failure, rollbackFailure },
    dependents: { items: dependents.items, more: dependents.more },
    remarks: json.remarks,
    nextSteps: json.nextSteps,
    links: { execution, secret: secretLink, runbook, errorRunbook },
  });
}
