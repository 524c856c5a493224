import type { ErrorName } from "./errors.ts";
import type { Incident } from "./incident.ts";
import type { Policy } from "./policies.ts";
import type { RotorEvent } from "./rotor-event.ts";

type Told = Extract<RotorEvent, { readonly kind: "rotation-failed" | "rotation-cancelled" | "secret-deleted" }>;

/**
 * What Secrets Manager's own event about a secret means for people. Pure.
 * @param secret what is known of it: of a secret without a policy nothing is read
 */
export function incidentOf(
  event: Told,
  secret: { readonly arn: string; readonly name?: string },
  policy: Policy | undefined,
  nowMs: number,
): Incident {
  const known = common(secret, policy, event.at?.getTime() ?? nowMs);
  const what = secret.name ?? secret.arn;
  switch (event.kind) {
    case "rotation-failed":
      return { ...known, ...failed(event, what) };
    case "rotation-cancelled":
      return {
        ...known,
        kind: "rotation-cancelled",
        name: "RotationCancelled",
        ...cancelled(what, policy),
        severity: "warning",
      };
    case "secret-deleted":
      return {
        ...known,
        kind: "secret-deleted",
        name: "SecretDeleted",
        message: `${what} was scheduled for deletion, and a policy still names it. Services that read it fail from now on.`,
        nextSteps: [
          "If this was not meant: call RestoreSecret within the recovery window.",
          "If it was: take its entry out of rotation.config.",
        ],
        severity: "critical",
      };
  }
}

/** A request that was not taken up. @param refused.what what was asked for; default "A rotation" */
export function refusedRequest(
  refused: {
    readonly what?: string;
    readonly token: string;
    readonly requester: string | undefined;
    readonly name: ErrorName;
    readonly because: string;
  },
  secret: { readonly arn: string; readonly name: string },
  policy: Policy,
  nowMs: number,
): Incident {
  const { what = "A rotation", token, requester, name, because } = refused;
  return {
    ...common(secret, policy, nowMs),
    kind: "request-refused",
    token,
    name,
    message: `${what} of ${secret.name} that ${requester ?? "somebody"} asked for was refused: ${because} Nothing was changed.`,
    nextSteps: [
      refused.what === undefined
        ? "Remove what the message names, and ask again with the next attempt."
        : "Remove what the message names, and ask again.",
    ],
    severity: "warning",
  };
}

function cancelled(what: string, policy: Policy | undefined) {
  const turnedOff = `Rotation of ${what} was turned off by CancelRotateSecret. Its schedule has ended`;
  const turnOn = "If this was not meant: call RotateSecret with --no-rotate-immediately to turn it on again.";
  return policy?.mode === "observed"
    ? {
        message: `${turnedOff}. Rotor only observes it: a rotation that was running may be left half-way, and is not taken back.`,
        nextSteps: [
          turnOn,
          "See whether AWSPENDING is on a version that is not AWSCURRENT, and ask whoever rotates it.",
        ],
      }
    : {
        message: `${turnedOff}; a rotation that was running is rolled back.`,
        nextSteps: [turnOn, "If it was: give the policy another mode, or take it out of rotation.config."],
      };
}

function failed(event: Extract<Told, { readonly kind: "rotation-failed" }>, what: string) {
  const { eventName, step, functionArn } = event;
  const where = step === undefined ? "" : ` during ${step}`;
  const by = functionArn === undefined ? "" : ` in ${functionArn}`;
  const token = event.token ?? null;
  const origin = { token, step: step ?? null, functionArn: functionArn ?? null, name: eventName };
  switch (eventName) {
    case "TestRotationFailed":
      return {
        ...origin,
        kind: "test-rotation-failed" as const,
        message: `The test of the rotation of ${what} failed${where}${by}. Nothing was changed; a real rotation would probably fail, too.`,
        nextSteps: [
          "Read the function's log: Secrets Manager's event does not say why.",
          "Put it right, and test again.",
        ],
        severity: "warning" as const,
      };
    case "RotationAbandoned":
      return {
        ...origin,
        kind: "rotation-abandoned" as const,
        message: `Secrets Manager has abandoned a rotation of ${what}: a new version was written while it ran. AWSPENDING was taken off; the target may already have the abandoned version's credential.`,
        nextSteps: ["Check that AWSCURRENT signs in.", "Find out who wrote the version, and rotate again."],
        severity: "critical" as const,
      };
    case "RotationFailed":
      return {
        ...origin,
        kind: "rotation-failed" as const,
        message: `Secrets Manager reports that a rotation of ${what} failed${where}${by}. It tries again by itself, several times; AWSPENDING stays until then.`,
        nextSteps: [
          "Read the function's log: Secrets Manager's event does not say why.",
          ...(step === undefined || step === "createSecret"
            ? []
            : ["Check that AWSCURRENT signs in: from setSecret on the target may have the new credential."]),
        ],
        severity: step === "testSecret" || step === "finishSecret" ? ("critical" as const) : ("warning" as const),
      };
  }
}

function common(secret: { readonly arn: string; readonly name?: string }, policy: Policy | undefined, atMs: number) {
  return {
    secretArn: secret.arn,
    secretName: secret.name ?? null,
    owner: policy?.owner ?? null,
    runbook: policy?.runbook ?? null,
    hasPolicy: policy !== undefined,
    token: null,
    step: null,
    functionArn: null,
    executionName: null,
    executionArn: null,
    at: new Date(atMs).toISOString(),
  };
}
