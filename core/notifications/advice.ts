import type { ErrorName } from "../errors.ts";
import type { OutcomeFacts } from "../outcome.ts";

/** What a person does about an error, by its name. `calm`: nothing, and why. */
export interface Advice {
  readonly todo: string;
  readonly calm?: boolean;
}

/** Not a fault: what a rehearsal takes back to prove that it can be. */
export const PLANNED: ErrorName = "RehearsalRollback";

const BY_NAME: Readonly<Partial<Record<ErrorName, Advice>>> = {
  ConfigurationInvalid: { todo: "correct rotation.config or the secret's JSON as the message says" },
  EventInvalid: { todo: "start the workflow through the gate or dispatch, with exactly {secretArn, token, mode}" },
  SecretNotFound: { todo: "restore the secret, or take its policy out of rotation.config" },
  SecretManagedElsewhere: { todo: 'give its policy the mode "observed", or rotate it where it is managed' },
  RotationInProgress: {
    todo: "let the other rotation end, or repair what it left, as the message says",
  },
  SecretFrozen: { todo: "make target and labels agree, then take ROTATION_FROZEN off" },
  RecentlyRolledBack: { todo: "find out why the last rotation was rolled back, or ask for this one explicitly" },
  RehearsalMissing: { todo: "rehearse it, or name in its policy's rehearsal.override who goes without and why" },
  OutsideWindow: { todo: "ask again when the window is open, or for an emergency" },
  RehearsalRollback: { todo: "the forced rollback of a rehearsal was proved", calm: true },
  RotationUnfinished: { todo: "see whether whoever rotates this secret has ended: Rotor has waited for it" },
  RotationCancelled: { todo: "it was cancelled on purpose", calm: true },
  AccessDenied: { todo: "grant what the message names: in IAM, in the KMS key's policy or at the target" },
  CredentialRejected: { todo: "compare the password at the target with the secret: it refused one that should work" },
  CredentialDrift: { todo: "bring target and secret together again: the target was changed by hand" },
  SessionsOpen: { todo: "let what the message names take AWSCURRENT and sign in anew, then rotate again" },
  DependentUnhealthy: { todo: "make the dependents take a new version: the message says what kept them from it" },
  DependentNotReady: { todo: "make the dependents take a new version: the message says what kept them from it" },
  TargetUnavailable: { todo: "see that the target is up, and that the network lets the functions reach it" },
  Throttled: { todo: "rotate again when the service that throttled has room" },
  ServiceUnavailable: { todo: "rotate again when the AWS service works" },
  CandidateNotReady: { todo: "see the log of the function gate: it did not write the version" },
  VersionNotVisible: { todo: "see who else moves this secret's labels, then rotate again" },
  InternalError: { todo: "report this as a fault of Rotor, with the execution's history" },
};

/** The new version stays although its rotation has failed, and nobody has looked whether the dependents follow. */
const KEPT: Advice = { todo: "see that every dependent uses the new version" };

/** Nothing has failed here: what has to be looked into was before. */
const REPAIRED: Advice = {
  todo: "see why a repair was needed: somebody has asked for it, or the messages before this one say what failed",
};

/** What a person does about how a rotation has ended. */
export function adviceOf({ failure, reason, live, outcome, token }: OutcomeFacts): Advice {
  if (outcome === "NOT_CONVERGED" && live === token) return KEPT;
  return failure == null && reason != null ? REPAIRED : adviceFor(failure?.name);
}

/** What a person does about an error, whoever tells them of it. */
export function adviceFor(errorName: string | undefined): Advice {
  const known = Object.hasOwn(BY_NAME, errorName ?? "") ? BY_NAME[errorName as ErrorName] : undefined;
  return known ?? { todo: "see the failed step in the execution's history" };
}
