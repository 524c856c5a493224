import { classifySecret, type SecretClass } from "./classify-secret.ts";
import type { ErrorName } from "./errors.ts";
import type { RotationRequested } from "./events.ts";
import { deriveToken, type RequestKind, requestOf } from "./identity.ts";
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
import { isYoung } from "./young-event.ts";

/** An event that is about one secret, whose description is read before anything is decided. */
export type SecretEvent = Exclude<
  RotorEvent,
  { readonly kind: "ignored" | "heartbeat" | "execution-ended" | "rehearsal-passed" }
>;

/** What one event leads to. At most one effect each. */
export type Decision =
  | { readonly do: "ignore"; readonly reason: string; readonly token?: string }
  /** It would be ignored, but the event is young, and a read that is behind would say the same. */
  | { readonly do: "look-again"; readonly reason: string; readonly token?: string }
  | {
      readonly do: "start";
      readonly mode: "native" | "driven" | "observed";
      readonly token: string;
      /** A further look, at Step Functions, that may make it "ignore". */
      readonly unless?: "recently rolled back" | "our own rollback";
    }
  /** `requester`: who asks, for the incident if Secrets Manager refuses. */
  | { readonly do: "rotate-secret"; readonly token: string; readonly requester?: string | undefined }
  | { readonly do: "repair"; readonly token: string; readonly repair?: number; readonly requester?: string }
  /**
   * `unlessOurs`: the version whose execution tells its end itself. `rehearsed`: what to do instead if that execution was the
   * first part of a rehearsal and proves the rollback.
   */
  | {
      readonly do: "report";
      readonly incident: Incident;
      readonly unlessOurs?: string;
      readonly rehearsed?: Extract<Decision, { readonly do: "rotate-secret" | "look-again" }>;
    };

export interface DecisionPlace {
  readonly gateFunctionArn: string;
  readonly region: string;
  /** For the age of events, and for incidents of those that carry no time, in milliseconds since the epoch. */
  readonly nowMs: number;
}

/** What everything is decided from. */
interface Known {
  readonly secret: Secret;
  readonly policy: Policy;
  readonly place: DecisionPlace;
  readonly at: Date | undefined;
}

/**
 * Decides what an event leads to, from what DescribeSecret says now: an event is a hint, that may be late, doubled or out
 * of order. Pure: the same facts give the same decision, by whomever and however often it is asked for.
 *
 * That description may show the past. What would be lost by it, because nobody else tells it, is not ignored while the event
 * is young; what the gate starts as well is.
 */
export function decide(event: SecretEvent, secret: Secret, policy: Policy, place: DecisionPlace): Decision {
  const known = { secret, policy, place, at: event.at };
  switch (event.kind) {
    case "rotation-started":
      return decideStarted(event.token ?? pendingToken(secret), known);
    case "rotation-succeeded":
      return decideSucceeded(event.token, known);
    case "current-moved":
      return decideObserved(event.versionId, known);
    case "rotation-failed": {
      const token = event.token ?? pendingToken(secret);
      const second = decideRehearsed(token, known);
      return {
        do: "report",
        incident: incidentOf({ ...event, token }, secret, policy, place.nowMs),
        unlessOurs: token,
        ...(second.do === "rotate-secret" || second.do === "look-again" ? { rehearsed: second } : {}),
      };
    }
    case "rotation-cancelled":
    case "secret-deleted":
      return { do: "report", incident: incidentOf(event, secret, policy, place.nowMs) };
    case "rotation-requested":
      return decideRequest(event.request, event.request.emergency ? "emergency" : "ordinary", known);
    case "rehearsal-requested":
      return policy.rehearses
        ? decideRequest(event.request, "rehearsal", known)
        : refuse(
            deriveToken(secret.arn, event.request.expectedVersionId, event.request.attempt, "rehearsal"),
            { requester: event.request.requester, name: "ConfigurationInvalid", because: NO_REHEARSALS },
            known,
          );
    case "rehearsal-rolled-back":
      return afterSecretsManager(decideRehearsed(event.token, known));
    case "repair-requested": {
      const { token, repair, requester } = event.request;
      return { do: "repair", token, repair, requester };
    }
  }
}

/** Secrets Manager has begun a rotation. The gate starts the same execution itself; whoever comes second is a duplicate. */
function decideStarted(token: string | undefined, { secret, policy, place, at }: Known): Decision {
  if (policy.mode === "observed") return ignore('the policy\'s mode is "observed"');
  const { class: is } = classifySecret(secret, place);
  // Anything else that begins to rotate a secret of ours is for Plan to refuse, where people see it.
  if (policy.mode === "driven" && is !== "native ours")
    return ignore(`the policy's mode is "driven", the secret is ${is}`);
  if (token === undefined) return ignore("no version is being rotated in");
  if (holds(secret.labels, token, AWSCURRENT)) return ignore("the version is AWSCURRENT already", token);
  if (holds(secret.labels, token, ROTATION_ROLLED_BACK)) return ignore("the version was rolled back", token);
  if (secret.labels[token] === undefined && !isYoung(at, place.nowMs)) {
    // The gate has refused it, and that was told. An execution would end REJECTED for want of a version, which is not why.
    return ignore("the version is gone", token);
  }
  return start("native", token, "recently rolled back");
}

/**
 * Somebody else's rotation has ended well. What stands in its requestID is not confirmed for managed rotation: it is the
 * version's id only if the secret has such a version. Otherwise the rotation is that of AWSCURRENT.
 */
function decideSucceeded(token: string | undefined, known: Known): Decision {
  const { labels } = known.secret;
  if (token !== undefined && labels[token] !== undefined) return decideObserved(token, known);
  const decision = decideObserved(holderOf(labels, AWSCURRENT), known);
  const isUnseen = token !== undefined && decision.do === "start";
  return isUnseen && isYoung(known.at, known.place.nowMs) ? lookAgain("no version has the token's id") : decision;
}

/** The value has moved, by somebody else's doing: the dependents are to follow. Ours is never observed. */
function decideObserved(versionId: string | undefined, known: Known): Decision {
  const { secret, policy, place } = known;
  if (policy.mode !== "observed") return ignore(`the policy's mode is "${policy.mode}": its own workflow sees to it`);
  if (policy.dependents.length === 0) return ignore("nobody has to follow: the policy names no dependent");
  const { class: is, can } = classifySecret(secret, place);
  if (!can.observe) return ignore(`the secret is ${is}`);
  if (versionId === undefined) return ignoreUnlessYoung(known, "no version is AWSCURRENT");
  if (!holds(secret.labels, versionId, AWSCURRENT)) {
    return ignoreUnlessYoung(known, "the version is not AWSCURRENT any more", versionId);
  }
  const candidate = holderOf(secret.labels, ROTATION_CANDIDATE);
  if (candidate === versionId) return ignore("the promotion is our own", versionId);
  return start("observed", versionId, "our own rollback");
}

/** Somebody asks for a rotation. Ignored when AWSCURRENT is no longer what the requester saw. */
function decideRequest(
  request: Pick<RotationRequested, "expectedVersionId" | "attempt"> & { readonly requester?: string | undefined },
  kind: RequestKind,
  known: Known,
): Decision {
  const { secret, policy, place } = known;
  if (holderOf(secret.labels, AWSCURRENT) !== request.expectedVersionId) {
    return ignoreUnlessYoung(known, "AWSCURRENT is not the version that the requester saw");
  }
  const token = deriveToken(secret.arn, request.expectedVersionId, request.attempt, kind);
  const { class: is, can, said } = classifySecret(secret, place);
  const refused = (name: ErrorName, because: string) =>
    refuse(token, { requester: request.requester, name, because }, known);
  if (policy.mode === "observed") {
    return can.rotate === "owner"
      ? rotateSecret(token, request.requester, secret)
      : refused("SecretManagedElsewhere", `its policy only observes it. ${said}`);
  }
  if (is === "native ours") return rotateSecret(token, request.requester, secret);
  if (is === "native foreign") return refused("ConfigurationInvalid", said);
  if (policy.mode === "native") return refused(whyNotNative(is), `its policy has the mode "native". ${said}`);
  // What else cannot be rotated is for Plan to refuse: a rejection is told like every other end.
  return start("driven", token);
}

function whyNotNative(is: SecretClass["class"]): ErrorName {
  switch (is) {
    case "pending deletion":
      return "SecretNotFound";
    case "cancelled":
      return "RotationCancelled";
    case "never configured":
      return "ConfigurationInvalid";
    default:
      return "SecretManagedElsewhere";
  }
}

/** The first part of a rehearsal was taken back, and that was proved: its second part rotates, and stays. */
function decideRehearsed(token: string | undefined, known: Known): Decision {
  const { secret, policy } = known;
  if (!policy.rehearses || token === undefined) return ignore("the policy does not rehearse", token);
  const base = holderOf(secret.labels, AWSCURRENT);
  const first = base === undefined ? undefined : requestOf(token, secret.arn, base);
  if (base === undefined || first?.kind !== "rehearsal") {
    // Just after the rollback a read may still show the candidate as AWSCURRENT.
    return ignoreUnlessYoung(known, "no rehearsal of this base was rolled back", token);
  }
  const request = { expectedVersionId: base, attempt: first.attempt, requester: "rehearsal" };
  return decideRequest(request, "rehearsed", known);
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
  unless?: "recently rolled back" | "our own rollback",
): Decision {
  return { do: "start", mode, token, ...(unless ? { unless } : {}) };
}

/** A version that exists was asked for before: RotateSecret would only be refused. */
function rotateSecret(token: string, requester: string | undefined, secret: Secret): Decision {
  return secret.labels[token] === undefined
    ? { do: "rotate-secret", token, requester }
    : ignore("a version of this request exists", token);
}

function refuse(
  token: string,
  why: { readonly requester: string | undefined; readonly name: ErrorName; readonly because: string },
  { secret, policy, place }: Known,
): Decision {
  return { do: "report", incident: refusedRequest({ token, ...why }, secret, policy, place.nowMs) };
}

/** What one read that is behind would explain as well. */
function ignoreUnlessYoung({ at, place }: Known, reason: string, token?: string): Decision {
  return isYoung(at, place.nowMs) ? lookAgain(reason, token) : ignore(reason, token);
}

function lookAgain(reason: string, token?: string): Decision {
  return { do: "look-again", reason, ...(token === undefined ? {} : { token }) };
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
