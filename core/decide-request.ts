import { classifySecret, type SecretClass } from "./classify-secret.ts";
import { type Decision, ignore, ignoreUnlessYoung, type Known, start } from "./decision.ts";
import type { ErrorName } from "./errors.ts";
import type { RehearsalRequested, RotationRequested } from "./events.ts";
import { deriveToken, type RequestKind, requestOf } from "./identity.ts";
import { refusedRequest } from "./secret-incidents.ts";
import { AWSCURRENT, holderOf, type Secret } from "./versions/secret.ts";
import { nextOpening } from "./windows.ts";

/** Somebody asks for a rotation. Ignored when AWSCURRENT is no longer what the requester saw. */
export function decideRequest(
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
  if (is === "native ours") {
    // The second part of a rehearsal belongs to one that has begun.
    const closed = kind === "emergency" || kind === "rehearsed" ? undefined : closedNow(known);
    return closed === undefined
      ? rotateSecret(token, request.requester, secret)
      : refused("OutsideWindow", `${closed}. Secrets Manager rotates it, and begins at once.`);
  }
  if (is === "native foreign") return refused("ConfigurationInvalid", said);
  if (policy.mode === "native") return refused(whyNotNative(is), `its policy has the mode "native". ${said}`);
  // What else cannot be rotated is for Plan to refuse: a rejection is told like every other end.
  return start("driven", token);
}

/** Why a rotation may not begin now; undefined where it may. */
function closedNow({ policy, place }: Known): string | undefined {
  const opening = nextOpening(place.nowMs, policy.windows, policy.freezes);
  if (opening.open) return undefined;
  const opens = opening.opensAtMs === undefined ? "" : `, until ${new Date(opening.opensAtMs).toISOString()}`;
  return `${opening.because}${opens}`;
}

/** Somebody asks for a rehearsal: only a policy that rehearses lets it change the secret. */
export function decideRehearsal(request: RehearsalRequested, known: Known): Decision {
  const { secret, policy } = known;
  if (policy.rehearses) return decideRequest(request, "rehearsal", known);
  const token = deriveToken(secret.arn, request.expectedVersionId, request.attempt, "rehearsal");
  return refuse(token, { requester: request.requester, name: "ConfigurationInvalid", because: NO_REHEARSALS }, known);
}

/** The first part of a rehearsal was taken back, and that was proved: its second part rotates, and stays. */
export function decideRehearsed(token: string | undefined, known: Known): Decision {
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
export function afterSecretsManager(second: Decision): Decision {
  return second.do === "rotate-secret"
    ? ignore("Secrets Manager has not ended the first part: its RotationFailed is waited for", second.token)
    : second;
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

const NO_REHEARSALS = 'its policy does not have "rehearses: true", which lets a rehearsal change a secret.';
