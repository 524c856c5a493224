import { classifySecret, type SecretClass } from "./classify-secret.ts";
import type { ErrorName } from "./errors.ts";
import type { RotationRequested } from "./events.ts";
import { deriveToken, executionName, type RequestKind, requestOf } from "./identity.ts";
import type { Incident } from "./incident.ts";
import type { Policy } from "./policies.ts";
import type { RotorEvent } from "./rotor-event.ts";
import { incidentOf, refusedRequest } from "./secret-incidents.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  holderOf,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
  type Secret,
} from "./versions/secret.ts";

/** An event that is about one secret, whose description is read before anything is decided. */
export type SecretEvent = Exclude<
  RotorEvent,
  { readonly kind: "ignored" | "heartbeat" | "execution-ended" | "rehearsal-passed" }
>;

/** What one event leads to. At most one effect each. */
export type Decision =
  | { readonly do: "ignore"; readonly reason: string; readonly token?: string }
  | {
      readonly do: "start";
      readonly mode: "native" | "driven" | "observed";
      readonly token: string;
      readonly executionName: string;
      /** A further look, at Step Functions, that may make it "ignore". */
      readonly unless?: "recently rolled back" | "our own rollback";
    }
  | { readonly do: "rotate-secret"; readonly token: string }
  | { readonly do: "repair"; readonly token: string; readonly repair?: number }
  /**
   * `unlessOurs`: the version whose execution tells its end itself. `rehearsed`: the token to call RotateSecret with
   * instead, if that execution was the first part of a rehearsal and proves the rollback.
   */
  | { readonly do: "report"; readonly incident: Incident; readonly unlessOurs?: string; readonly rehearsed?: string };

export interface DecisionPlace {
  readonly gateFunctionArn: string;
  readonly region: string;
  /** For incidents of events that carry no time, in milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * Decides what an event leads to, from what DescribeSecret says now: an event is a hint, that may be late, doubled or out
 * of order. Pure: the same facts give the same decision, by whomever and however often it is asked for.
 */
export function decide(event: SecretEvent, secret: Secret, policy: Policy, place: DecisionPlace): Decision {
  switch (event.kind) {
    case "rotation-started":
      return decideStarted(event.token ?? pendingToken(secret), secret, policy, place);
    case "rotation-succeeded":
      return decideObserved(event.token ?? holderOf(secret.labels, AWSCURRENT), secret, policy, place);
    case "current-moved":
      return decideObserved(event.versionId, secret, policy, place);
    case "rotation-failed": {
      const token = event.token ?? pendingToken(secret);
      const second = decideRehearsed(token, secret, policy, place);
      return {
        do: "report",
        incident: incidentOf({ ...event, token }, secret, policy, place.nowMs),
        unlessOurs: token,
        ...(second.do === "rotate-secret" ? { rehearsed: second.token } : {}),
      };
    }
    case "rotation-cancelled":
    case "secret-deleted":
      return { do: "report", incident: incidentOf(event, secret, policy, place.nowMs) };
    case "rotation-requested": {
      const kind = event.request.emergency ? "emergency" : "ordinary";
      return decideRequest(event.request, kind, secret, policy, place);
    }
    case "rehearsal-requested":
      return policy.rehearses
        ? decideRequest(event.request, "rehearsal", secret, policy, place)
        : refuse(
            deriveToken(secret.arn, event.request.expectedVersionId, event.request.attempt, "rehearsal"),
            { requester: event.request.requester, name: "ConfigurationInvalid", because: NO_REHEARSALS },
            { secret, policy, place },
          );
    case "rehearsal-rolled-back":
      return afterSecretsManager(decideRehearsed(event.token, secret, policy, place));
    case "repair-requested":
      return { do: "repair", token: event.request.token, repair: event.request.repair };
  }
}

/** Secrets Manager has begun a rotation. The gate starts the same execution itself; whoever comes second is a duplicate. */
function decideStarted(token: string | undefined, secret: Secret, policy: Policy, place: DecisionPlace): Decision {
  if (policy.mode === "observed") return ignore('the policy\'s mode is "observed"');
  const { class: is } = classifySecret(secret, place);
  // Anything else that begins to rotate a secret of ours is for Plan to refuse, where people see it.
  if (policy.mode === "driven" && is !== "native ours")
    return ignore(`the policy's mode is "driven", the secret is ${is}`);
  if (token === undefined) return ignore("no version is being rotated in");
  if (holds(secret.labels, token, AWSCURRENT)) return ignore("the version is AWSCURRENT already", token);
  if (holds(secret.labels, token, ROTATION_ROLLED_BACK)) return ignore("the version was rolled back", token);
  return start("native", token, secret, "recently rolled back");
}

/** The value has moved, by somebody else's doing: the dependents are to follow. Ours is never observed. */
function decideObserved(versionId: string | undefined, secret: Secret, policy: Policy, place: DecisionPlace): Decision {
  if (policy.mode !== "observed") return ignore(`the policy's mode is "${policy.mode}": its own workflow sees to it`);
  if (policy.dependents.length === 0) return ignore("nobody has to follow: the policy names no dependent");
  const { class: is } = classifySecret(secret, place);
  if (is === "replica" || is === "pending deletion") return ignore(`the secret is ${is}`);
  if (versionId === undefined) return ignore("no version is AWSCURRENT");
  if (!holds(secret.labels, versionId, AWSCURRENT)) return ignore("the version is not AWSCURRENT any more", versionId);
  const candidate = holderOf(secret.labels, ROTATION_CANDIDATE);
  if (candidate === versionId) return ignore("the promotion is our own", versionId);
  return start("observed", versionId, secret, "our own rollback");
}

/** Somebody asks for a rotation. Ignored when AWSCURRENT is no longer what the requester saw. */
function decideRequest(
  request: Pick<RotationRequested, "expectedVersionId" | "attempt"> & { readonly requester?: string | undefined },
  kind: RequestKind,
  secret: Secret,
  policy: Policy,
  place: DecisionPlace,
): Decision {
  if (holderOf(secret.labels, AWSCURRENT) !== request.expectedVersionId) {
    return ignore("AWSCURRENT is not the version that the requester saw");
  }
  const token = deriveToken(secret.arn, request.expectedVersionId, request.attempt, kind);
  const { class: is, can, said } = classifySecret(secret, place);
  const refused = (name: ErrorName, because: string) =>
    refuse(token, { requester: request.requester, name, because }, { secret, policy, place });
  if (policy.mode === "observed") {
    return can.rotate === "owner"
      ? rotateSecret(token, secret)
      : refused("SecretManagedElsewhere", `its policy only observes it. ${said}`);
  }
  if (is === "native ours") return rotateSecret(token, secret);
  if (is === "native foreign") return refused("ConfigurationInvalid", said);
  if (policy.mode === "native") return refused(whyNotNative(is), `its policy has the mode "native". ${said}`);
  // What else cannot be rotated is for Plan to refuse: a rejection is told like every other end.
  return start("driven", token, secret);
}

function whyNotNative(is: SecretClass["class"]): ErrorName {
  if (is === "pending deletion") return "SecretNotFound";
  return is === "cancelled" || is === "never configured" ? "RotationCancelled" : "SecretManagedElsewhere";
}

/** The first part of a rehearsal was taken back, and that was proved: its second part rotates, and stays. */
function decideRehearsed(token: string | undefined, secret: Secret, policy: Policy, place: DecisionPlace): Decision {
  const base = holderOf(secret.labels, AWSCURRENT);
  const isKnown = policy.rehearses && base !== undefined && token !== undefined;
  const first = isKnown ? requestOf(token, secret.arn, base) : undefined;
  if (base === undefined || first?.kind !== "rehearsal") {
    return ignore("no rehearsal of this base was rolled back", token);
  }
  const request = { expectedVersionId: base, attempt: first.attempt, requester: "rehearsal" };
  return decideRequest(request, "rehearsed", secret, policy, place);
}

/** Our rollback is told while Secrets Manager still waits in the gate, and takes up no other rotation meanwhile. */
function afterSecretsManager(second: Decision): Decision {
  return second.do === "rotate-secret"
    ? ignore("Secrets Manager has not ended the first part: its RotationFailed is waited for", second.token)
    : second;
}

// --- forms of a decision ---

function start(
  mode: "native" | "driven" | "observed",
  token: string,
  secret: Secret,
  unless?: "recently rolled back" | "our own rollback",
): Decision {
  return { do: "start", mode, token, executionName: executionName(secret.arn, token), ...(unless ? { unless } : {}) };
}

/** A version that exists was asked for before: RotateSecret would only be refused. */
function rotateSecret(token: string, secret: Secret): Decision {
  return secret.labels[token] === undefined
    ? { do: "rotate-secret", token }
    : ignore("a version of this request exists", token);
}

function refuse(
  token: string,
  why: { readonly requester: string | undefined; readonly name: ErrorName; readonly because: string },
  { secret, policy, place }: { readonly secret: Secret; readonly policy: Policy; readonly place: DecisionPlace },
): Decision {
  return { do: "report", incident: refusedRequest({ token, ...why }, secret, policy, place.nowMs) };
}

function ignore(reason: string, token?: string): Decision {
  return { do: "ignore", reason, ...(token === undefined ? {} : { token }) };
}

const NO_REHEARSALS = 'its policy does not have "rehearses: true", which lets a rehearsal change a secret.';

// A placeholder is the version being rotated in only while it is not AWSCURRENT: there it is a leftover.
function pendingToken({ labels }: Secret): string | undefined {
  const pending = holderOf(labels, AWSPENDING);
  return pending === holderOf(labels, AWSCURRENT) ? undefined : pending;
}
