import type { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { SFNClient } from "@aws-sdk/client-sfn";
import { decide, type SecretEvent } from "./decide.ts";
import type { Decision } from "./decision.ts";
import { dispatchEnded } from "./dispatch-ended.ts";
import { dispatchRepair } from "./dispatch-repair.ts";
import { RotationError } from "./errors.ts";
import { describeExecution, type Execution, executionsOf, isRunning, provesRollback } from "./executions.ts";
import { executionName } from "./identity.ts";
import { keepRehearsal } from "./keep-rehearsal.ts";
import { normaliseEvent } from "./normalise-event.ts";
import { type Policy, policyFor } from "./policies.ts";
import { checkNotRecentlyRolledBack } from "./recently-rolled-back.ts";
import { recordHeartbeat } from "./reconcile/heartbeat.ts";
import { reportIncidents } from "./report-incidents.ts";
import { requestRotation } from "./request-rotation.ts";
import { incidentOf } from "./secret-incidents.ts";
import { mayName, secretNameOf } from "./secret-names.ts";
import { startRotation } from "./start-rotation.ts";
import {
  AWSPREVIOUS,
  describeSecret,
  holderOf,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
  type Secret,
} from "./versions/secret.ts";
import { isYoung, lookAgain } from "./young-event.ts";

export interface Dispatcher {
  readonly client: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly eventBridge: EventBridgeClient;
  readonly stateMachineArn: string;
  readonly gateFunctionArn: string;
  readonly busName: string;
  /** The secret whose tags the heartbeat of the trail is written to. */
  readonly heartbeatSecretArn: string;
  readonly policies: readonly Policy[];
  /** The account and Region that this function runs in: events of others are not ours. */
  readonly account: string;
  readonly region: string;
}

export interface Dispatched {
  readonly decision: "started" | "requested" | "reported" | "noted" | "duplicate" | "ignored";
  readonly reason: string;
  readonly secretArn?: string | undefined;
  readonly token?: string | undefined;
}

/** What an event is about: a secret that a policy names, as it was read. */
export interface Subject {
  readonly secret: Secret;
  readonly policy: Policy;
  /** When the event happened, if it says so. */
  readonly at: Date | undefined;
}

/**
 * Turns one event into at most one effect. An event is a hint: it may be lost, late, doubled or out of order, so what is
 * true is read from DescribeSecret each time, once, and only of secrets that a policy may name. Never reads a value, and
 * never writes a version or a label. May be repeated.
 *
 * @throws RotationError EventInvalid (a request that is not of its schema); VersionNotVisible (the event is younger than a
 *   minute, and what was read may be behind: Lambda's next try looks again); AccessDenied, Throttled, ServiceUnavailable
 */
export async function dispatch(dispatcher: Dispatcher, raw: unknown): Promise<Dispatched> {
  const event = normaliseEvent(raw, dispatcher);
  switch (event.kind) {
    case "ignored":
      return ignored(event.reason);
    case "heartbeat":
      if (event.secretId !== dispatcher.heartbeatSecretArn) return ignored("the tag is not on the heartbeat's secret");
      await recordHeartbeat(dispatcher.client, event.secretId, event.sentAt);
      return { decision: "noted", reason: "the trail delivers", secretArn: event.secretId };
    case "rehearsal-passed":
      return keepRehearsal(dispatcher, event);
    case "execution-ended":
      return dispatchEnded(dispatcher, event);
    default:
      return dispatchSecretEvent(dispatcher, event);
  }
}

async function dispatchSecretEvent(dispatcher: Dispatcher, event: SecretEvent): Promise<Dispatched> {
  const secretId = secretIdOf(event);
  const nowMs = Date.now();
  // Most secrets of an account are none of ours: nothing is read of them, and only their failures are told.
  if (!dispatcher.policies.some((policy) => mayName(policy.secretId, secretId))) {
    return withoutPolicy(dispatcher, event, nameAndArn(dispatcher, secretId), nowMs);
  }
  const secret = await findSecret(dispatcher, secretId);
  if (secret === undefined) {
    // One that was just made may not be seen everywhere yet; one that was just deleted is gone.
    if (event.kind !== "secret-deleted" && isYoung(event.at, nowMs)) throw lookAgain(secretId, "it does not exist");
    return ignored("the secret does not exist");
  }
  const policy = policyFor(dispatcher.policies, secret);
  if (policy === undefined) return withoutPolicy(dispatcher, event, secret, nowMs);
  const subject = { secret, policy, at: event.at };
  return carryOut(dispatcher, decide(event, secret, policy, { ...dispatcher, nowMs }), subject);
}

async function withoutPolicy(
  dispatcher: Dispatcher,
  event: SecretEvent,
  secret: Pick<Secret, "arn" | "name">,
  nowMs: number,
): Promise<Dispatched> {
  if (event.kind !== "rotation-failed") return ignored(`no policy names ${secret.name}`, secret);
  await report(dispatcher, incidentOf(event, secret, undefined, nowMs));
  return { decision: "reported", reason: event.eventName, secretArn: secret.arn, token: event.token };
}

async function carryOut(dispatcher: Dispatcher, decision: Decision, subject: Subject): Promise<Dispatched> {
  const { secret } = subject;
  switch (decision.do) {
    case "ignore":
      return ignored(decision.reason, secret, decision.token);
    case "look-again":
      throw lookAgain(secret.name, decision.reason);
    case "start":
      return carryOutStart(dispatcher, decision, subject);
    case "rotate-secret":
      return requestRotation(dispatcher, subject, decision);
    case "repair":
      return dispatchRepair(dispatcher, subject, decision);
    case "report": {
      const { incident, unlessOurs: token, rehearsed } = decision;
      const own = token === undefined ? undefined : await findOwn(dispatcher, secret, token);
      if (own !== undefined) {
        if (rehearsed !== undefined && provesRollback(own)) return carryOut(dispatcher, rehearsed, subject);
        return ignored("the version has an execution, which tells its end itself", secret, token);
      }
      await report(dispatcher, incident);
      return { decision: "reported", reason: incident.name, secretArn: secret.arn, token: incident.token ?? undefined };
    }
  }
}

async function carryOutStart(
  dispatcher: Dispatcher,
  { mode, token, unless }: Extract<Decision, { readonly do: "start" }>,
  { secret, policy }: Subject,
): Promise<Dispatched> {
  if (unless === "recently rolled back") {
    try {
      await checkNotRecentlyRolledBack(dispatcher, secret, policy, token);
    } catch (error) {
      if (!(error instanceof RotationError) || error.name !== "RecentlyRolledBack") throw error;
      // The gate refuses it, and Secrets Manager reports that: an execution would only say the same once more.
      return ignored(error.message, secret, token);
    }
  }
  if (unless === "our own rollback" && (await isOwnRollback(dispatcher, secret, token))) {
    return ignored("the label was moved back by a rollback of our own", secret, token);
  }
  const decision = await startRotation(dispatcher.sfn, dispatcher.stateMachineArn, {
    secretArn: secret.arn,
    token,
    mode,
  });
  const reason = decision === "started" ? `${mode} rotation` : "an execution of this version exists";
  return { decision, reason, secretArn: secret.arn, token };
}

/**
 * While a version is taken back it holds ROTATION_CANDIDATE, and ROTATION_ROLLED_BACK from then on. If its execution goes
 * back, or went back to this version, nobody has rotated.
 *
 * One that runs, or was stopped and is to be repaired, may be past its move when somebody rotates again. Our move leaves
 * AWSPREVIOUS on the version that is taken back, and then on none; a rotation leaves it on the base.
 */
async function isOwnRollback(dispatcher: Dispatcher, { arn, labels }: Secret, versionId: string): Promise<boolean> {
  const previous = holderOf(labels, AWSPREVIOUS);
  const suspects = new Set([holderOf(labels, ROTATION_CANDIDATE), holderOf(labels, ROTATION_ROLLED_BACK)]);
  for (const suspect of suspects) {
    if (suspect === undefined || suspect === versionId) continue;
    const executions = await executionsOf(dispatcher.sfn, dispatcher.stateMachineArn, arn, suspect);
    const goneBack = ["RolledBack", "RollbackFailed"];
    const isBack = ({ error = "", facts }: Execution) => goneBack.includes(error) && facts["base"] === versionId;
    const mayBeMoved = previous === undefined || previous === suspect;
    const isUnfinished = (each: Execution) =>
      isRunning(each) || each.status === "ABORTED" || each.status === "TIMED_OUT";
    if (executions.some((each) => isBack(each) || (mayBeMoved && isUnfinished(each)))) return true;
  }
  return false;
}

/** Rotations of ours are told by their executions. One that only observed says nothing of Secrets Manager's own failure. */
async function findOwn(dispatcher: Dispatcher, secret: Secret, token: string): Promise<Execution | undefined> {
  const name = executionName(secret.arn, token);
  const execution = await describeExecution(dispatcher.sfn, dispatcher.stateMachineArn, name);
  return execution?.input["mode"] === "observed" ? undefined : execution;
}

async function findSecret(dispatcher: Dispatcher, secretId: string): Promise<Secret | undefined> {
  try {
    return await describeSecret(dispatcher.client, secretId);
  } catch (error) {
    if (error instanceof RotationError && error.name === "SecretNotFound") return undefined;
    throw error;
  }
}

/** Of a name that was not looked up there is the partial ARN, which AWS takes for the whole one. */
function nameAndArn({ stateMachineArn, region, account }: Dispatcher, secretId: string): Pick<Secret, "arn" | "name"> {
  if (secretId.startsWith("arn:")) return { arn: secretId, name: secretNameOf(secretId) };
  const [, partition] = stateMachineArn.split(":");
  return { arn: `arn:${partition}:secretsmanager:${region}:${account}:secret:${secretId}`, name: secretId };
}

function secretIdOf(event: SecretEvent): string {
  if ("request" in event) return event.request.secretId;
  return "secretArn" in event ? event.secretArn : event.secretId;
}

function report(dispatcher: Dispatcher, incident: Parameters<typeof reportIncidents>[2][number]): Promise<void> {
  return reportIncidents(dispatcher.eventBridge, dispatcher.busName, [incident]);
}

function ignored(reason: string, secret?: Pick<Secret, "arn">, token?: string): Dispatched {
  return { decision: "ignored", reason, secretArn: secret?.arn, token };
}
