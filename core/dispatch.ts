import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { RotationError } from "./errors.ts";
import { type BusEvent, ROTATION_REQUESTED, rotationRequested, rotationTokenOf, secretIdOf } from "./events.ts";
import { deriveToken } from "./identity.ts";
import { explain, type Policy, policyFor } from "./policies.ts";
import { checkNotRecentlyRolledBack } from "./recently-rolled-back.ts";
import { startRotation } from "./start-rotation.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  describeSecret,
  holderOf,
  holds,
  ROTATION_ROLLED_BACK,
  type Secret,
} from "./versions/secret.ts";

export interface Dispatcher {
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  readonly policies: readonly Policy[];
  /** The account and Region that this function runs in: events of others are not ours. */
  readonly account: string;
  readonly region: string;
}

export interface Dispatched {
  readonly decision: "started" | "duplicate" | "ignored";
  readonly reason: string;
  readonly secretArn?: string;
  readonly token?: string;
}

/**
 * Turns one event into at most one execution. An event is a hint: it may be lost, late, doubled or out of order, so what
 * is true is read from DescribeSecret each time. May be repeated.
 *
 * @throws RotationError EventInvalid (a request that is not of its schema); AccessDenied, Throttled, ServiceUnavailable
 */
export async function dispatch(dispatcher: Dispatcher, event: BusEvent): Promise<Dispatched> {
  const elsewhere =
    (event.account !== undefined && event.account !== dispatcher.account) ||
    (event.region !== undefined && event.region !== dispatcher.region);
  if (elsewhere) return ignored("the event is of another account or Region");
  if (event["detail-type"] === ROTATION_REQUESTED) return dispatchRequest(dispatcher, event);
  if (event.detail["eventName"] === "RotationStarted") return dispatchStarted(dispatcher, event);
  return ignored(`nothing is started by "${event["detail-type"]}"`);
}

/** Secrets Manager has begun a rotation. The gate starts the same execution itself; whoever comes second is a duplicate. */
async function dispatchStarted(dispatcher: Dispatcher, event: BusEvent): Promise<Dispatched> {
  const secretId = secretIdOf(event);
  if (secretId === undefined) return ignored("the event names no secret");
  const found = await lookUp(dispatcher, secretId);
  if (typeof found === "string") return ignored(found);
  const { secret, policy } = found;
  if (policy.mode !== "native") return ignored(`the policy's mode is "${policy.mode}"`, secret);
  const token = rotationTokenOf(event) ?? pendingToken(secret);
  if (token === undefined) return ignored("no version is being rotated in", secret);
  if (holds(secret.labels, token, AWSCURRENT)) return ignored("the version is AWSCURRENT already", secret, token);
  if (holds(secret.labels, token, ROTATION_ROLLED_BACK)) return ignored("the version was rolled back", secret, token);
  try {
    await checkNotRecentlyRolledBack(dispatcher, secret, policy, token);
  } catch (error) {
    // The gate refuses the same token: an execution would only wait for a value that never comes.
    if (error instanceof RotationError && error.name === "RecentlyRolledBack") {
      return ignored(error.message, secret, token);
    }
    throw error;
  }
  return start(dispatcher, secret, token, "native");
}

/** Somebody asks for a rotation that Rotor drives. Ignored when AWSCURRENT is no longer what the requester saw. */
async function dispatchRequest(dispatcher: Dispatcher, event: BusEvent): Promise<Dispatched> {
  const parsed = rotationRequested.safeParse(event.detail);
  if (!parsed.success) {
    throw new RotationError(
      "EventInvalid",
      `"${ROTATION_REQUESTED}" ${event.id}: ${explain(parsed.error)} Nothing was started.`,
    );
  }
  const request = parsed.data;
  const found = await lookUp(dispatcher, request.secretId);
  if (typeof found === "string") return ignored(found);
  const { secret, policy } = found;
  if (policy.mode !== "driven") return ignored(`the policy's mode is "${policy.mode}": use RotateSecret`, secret);
  if (holderOf(secret.labels, AWSCURRENT) !== request.expectedVersionId) {
    return ignored("AWSCURRENT is not the version that the requester saw", secret);
  }
  const token = deriveToken(secret.arn, request.expectedVersionId, request.attempt);
  return start(dispatcher, secret, token, "driven");
}

async function start(
  dispatcher: Dispatcher,
  secret: Secret,
  token: string,
  mode: "native" | "driven",
): Promise<Dispatched> {
  const decision = await startRotation(dispatcher.sfn, dispatcher.stateMachineArn, {
    secretArn: secret.arn,
    token,
    mode,
  });
  const reason = decision === "started" ? `${mode} rotation` : "an execution of this version exists";
  return { decision, reason, secretArn: secret.arn, token };
}

async function lookUp(dispatcher: Dispatcher, secretId: string): Promise<{ secret: Secret; policy: Policy } | string> {
  try {
    const secret = await describeSecret(dispatcher.client, secretId);
    const policy = policyFor(dispatcher.policies, secret);
    return policy === undefined ? `no policy names ${secret.name}` : { secret, policy };
  } catch (error) {
    if (error instanceof RotationError && error.name === "SecretNotFound") return "the secret does not exist";
    throw error;
  }
}

// A placeholder is the version being rotated in only while it is not AWSCURRENT: there it is a leftover.
function pendingToken({ labels }: Secret): string | undefined {
  const pending = holderOf(labels, AWSPENDING);
  return pending === holderOf(labels, AWSCURRENT) ? undefined : pending;
}

function ignored(reason: string, secret?: Secret, token?: string): Dispatched {
  return { decision: "ignored", reason, secretArn: secret?.arn, token };
}
