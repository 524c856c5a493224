import { classifySecret } from "./classify-secret.ts";
import { afterSecretsManager, decideRehearsal, decideRehearsed, decideRequest } from "./decide-request.ts";
import {
  type Decision,
  type DecisionPlace,
  ignore,
  ignoreUnlessYoung,
  type Known,
  lookAgain,
  start,
} from "./decision.ts";
import type { Policy } from "./policies.ts";
import type { RotorEvent } from "./rotor-event.ts";
import { incidentOf } from "./secret-incidents.ts";
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
      return decideRehearsal(event.request, known);
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

// A placeholder is the version being rotated in only while it is not AWSCURRENT: there it is a leftover.
function pendingToken({ labels }: Secret): string | undefined {
  const pending = holderOf(labels, AWSPENDING);
  return pending === holderOf(labels, AWSCURRENT) ? undefined : pending;
}
