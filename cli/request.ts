import { PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { fromAwsError } from "../core/aws.ts";
import { decideRehearsal, decideRequest } from "../core/decide-request.ts";
import { RotationError } from "../core/errors.ts";
import type { REHEARSAL_REQUESTED, REPAIR_REQUESTED, ROTATION_REQUESTED } from "../core/events.ts";
import { describeExecution, type Execution } from "../core/executions.ts";
import { deriveToken, executionName, MAX_ATTEMPTS, type RequestKind } from "../core/identity.ts";
import { policyFor } from "../core/policies.ts";
import { AWSCURRENT, holderOf, type Secret } from "../core/versions/secret.ts";
import { CliError } from "./cli-error.ts";
import type { Deployment } from "./deployment.ts";
import { EXIT } from "./exit-status.ts";
import type { Session } from "./session.ts";

/** A rotation to ask for: of which version, and what the execution will be called. */
export interface RotationRequest {
  readonly secret: Secret;
  readonly kind: Extract<RequestKind, "ordinary" | "emergency" | "rehearsal">;
  readonly expectedVersionId: string;
  readonly attempt: number;
  readonly token: string;
  readonly executionName: string;
  /** The attempt before, where there is one. */
  readonly before: Execution | undefined;
}

/**
 * The next attempt from what is AWSCURRENT now. Asks for nothing yet.
 * @throws CliError the secret has no AWSCURRENT, or all attempts are used up; RotationError AccessDenied, Throttled, ServiceUnavailable
 */
export async function nextRequest(
  { clients }: Session,
  { stateMachineArn }: Deployment,
  secret: Secret,
  kind: RotationRequest["kind"],
): Promise<RotationRequest> {
  const base = holderOf(secret.labels, AWSCURRENT);
  if (base === undefined) {
    throw new CliError(
      EXIT.nothingChanged,
      `${secret.name} has no AWSCURRENT: nothing can be rotated from. Nothing was asked for.`,
      "put a value into it",
    );
  }
  let before: Execution | undefined;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const token = deriveToken(secret.arn, base, attempt, kind);
    const name = executionName(secret.arn, token);
    const execution = await describeExecution(clients.sfn, stateMachineArn, name);
    if (execution === undefined && secret.labels[token] === undefined) {
      return { secret, kind, expectedVersionId: base, attempt, token, executionName: name, before };
    }
    before = execution ?? before;
  }
  throw new CliError(
    EXIT.nothingChanged,
    `${secret.name} was asked to be rotated ${MAX_ATTEMPTS} times from version ${base}, and none succeeded. Nothing was asked for.`,
    `see why: rotor runs --secret ${secret.name}`,
  );
}

/** Why a request would be refused. */
export interface Refusal {
  /** An error's, where it has one. */
  readonly name: string | undefined;
  readonly message: string;
}

/** Why dispatch would refuse the request; undefined where it would not, as far as its policies and DescribeSecret tell. */
export async function refusalOf(
  session: Session,
  deployment: Deployment,
  request: RotationRequest,
): Promise<Refusal | undefined> {
  const policies = await session.policies();
  const { secret, kind, expectedVersionId, attempt } = request;
  const policy = policyFor(policies, secret);
  if (policy === undefined)
    return { name: undefined, message: `No policy of this stage names ${secret.name}: Rotor leaves it alone.` };
  const nowMs = Date.now();
  const place = { gateFunctionArn: deployment.functionArn("gate"), region: deployment.region, nowMs };
  const known = { secret, policy, place, at: new Date(nowMs) };
  const decision =
    kind === "rehearsal"
      ? decideRehearsal({ secretId: secret.arn, expectedVersionId, attempt }, known)
      : decideRequest({ expectedVersionId, attempt }, kind, known);
  return decision.do === "report" ? decision.incident : undefined;
}

/** @throws CliError the bus has not taken it; RotationError AccessDenied, Throttled, ServiceUnavailable */
export async function putRequest(
  session: Session,
  deployment: Deployment,
  detailType: typeof ROTATION_REQUESTED | typeof REPAIR_REQUESTED | typeof REHEARSAL_REQUESTED,
  detail: Readonly<Record<string, unknown>>,
  reason: string | undefined,
): Promise<string> {
  const asked = { ...detail, requester: deployment.callerArn.slice(-256), ...(reason === undefined ? {} : { reason }) };
  return await putEvent(session, deployment, detailType, asked);
}

/** Puts one event on the rotation bus. Returns its id. @throws as putRequest */
export async function putEvent(
  { clients }: Session,
  { busName }: Deployment,
  detailType: string,
  detail: Readonly<Record<string, unknown>>,
  source = "rotor.cli",
): Promise<string> {
  const entry = { EventBusName: busName, Source: source, DetailType: detailType, Detail: JSON.stringify(detail) };
  const reply = await clients.events
    .send(new PutEventsCommand({ Entries: [entry] }))
    .catch((error: unknown) => Promise.reject(fromAwsError(error, `events:PutEvents on ${busName}`)));
  const [first] = reply.Entries ?? [];
  if (first?.EventId !== undefined && reply.FailedEntryCount === 0) return first.EventId;
  throw new RotationError(
    "ServiceUnavailable",
    `Bus ${busName} has not taken the event (${first?.ErrorCode ?? "no reason given"}).`,
  );
}
