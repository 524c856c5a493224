import { isGate } from "./is-gate.ts";
import type { Secret } from "./versions/secret.ts";

export const SECRET_CLASSES = [
  "managed",
  "managed external",
  "native ours",
  "native foreign",
  "cancelled",
  "never configured",
  "replica",
  "pending deletion",
] as const;

export interface SecretClass {
  readonly class: (typeof SECRET_CLASSES)[number];
  readonly can: {
    /**
     * How Rotor has it rotated. "owner": whoever manages the secret rotates it, and RotateSecret asks them to. "no": Rotor
     * leaves it alone.
     */
    readonly rotate: "RotateSecret" | "workflow" | "owner" | "no";
    /** Whether AWSCURRENT can be put back on the version before. */
    readonly rollBackLabels: boolean;
    /** Whether the dependents can be made to follow a value that was moved by somebody else than Rotor. */
    readonly observe: boolean;
  };
  /** For people: what it is, and what Rotor can do for it. */
  readonly said: string;
}

/**
 * What a secret is, from DescribeSecret alone (secrets-manager-rotation 4.2), and what that leaves to do. Every secret is
 * of exactly one class: what forbids more comes first. Pure.
 */
export function classifySecret(
  secret: Secret,
  place: { readonly gateFunctionArn: string; readonly region: string },
): SecretClass {
  const { name, type, owningService, primaryRegion, rotationLambdaArn } = secret;
  const isEnabled = secret.rotationEnabled === true;
  if (secret.deleted) {
    const said = `${name} is scheduled for deletion: nothing can be done with it before RestoreSecret.`;
    return { class: "pending deletion", can: nothing, said };
  }
  if (primaryRegion !== undefined && primaryRegion !== place.region) {
    const said = `${name} is a replica: its versions are written in ${primaryRegion}, so rotate and observe it there.`;
    return { class: "replica", can: nothing, said };
  }
  if (type !== undefined) {
    return {
      class: "managed external",
      can: managed(isEnabled),
      said: isEnabled
        ? `${name} is a managed external secret (${type}), which AWS rotates with the partner: Rotor can ask for a rotation and observe it, and cannot take it back.`
        : `${name} is a managed external secret (${type}) whose rotation is not turned on: Rotor can only observe it.`,
    };
  }
  if (owningService !== undefined) {
    return {
      class: "managed",
      can: managed(isEnabled),
      said: isEnabled
        ? `${name} is managed by ${owningService}, which rotates it: Rotor can ask for a rotation and observe it, and cannot take it back.`
        : `${name} is managed by ${owningService}, and Secrets Manager does not rotate it: Rotor can only observe it.`,
    };
  }
  if (isEnabled && isGate(rotationLambdaArn, place.gateFunctionArn)) {
    const said = `${name} is rotated by Secrets Manager through Rotor: RotateSecret rotates it.`;
    return { class: "native ours", can: { rotate: "RotateSecret", rollBackLabels: true, observe: true }, said };
  }
  if (isEnabled) {
    const by = rotationLambdaArn ?? "a means that DescribeSecret does not name";
    const said = `${name} is rotated by Secrets Manager through ${by}, which is not Rotor's: Rotor can observe it, and take a rotation back where its policy has a strategy.`;
    return { class: "native foreign", can: { rotate: "no", rollBackLabels: true, observe: true }, said };
  }
  const wasConfigured = secret.hasRotationRules || rotationLambdaArn !== undefined;
  return {
    class: wasConfigured ? "cancelled" : "never configured",
    can: { rotate: "workflow", rollBackLabels: true, observe: true },
    said: wasConfigured
      ? `Rotation of ${name} was turned off in Secrets Manager, which keeps its settings: Rotor can drive its rotations, and RotateSecret turns Secrets Manager's on again.`
      : `${name} has no rotation in Secrets Manager: Rotor can drive its rotations.`,
  };
}

const nothing = { rotate: "no", rollBackLabels: false, observe: false } as const;

// Which services refuse a move of AWSCURRENT is not documented, and a partner may have deleted the old credential: it is not
// tried with any of them (secrets-manager-rotation 4.3 and 4.4).
function managed(isEnabled: boolean): SecretClass["can"] {
  return { rotate: isEnabled ? "owner" : "no", rollBackLabels: false, observe: true };
}
