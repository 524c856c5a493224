import type { SFNClient } from "@aws-sdk/client-sfn";
import { checkLastLabel } from "../check-last-label.ts";
import { parseCredential, readCredential, rotationContext, type Target } from "../credentials.ts";
import { RotationError } from "../errors.ts";
import { executionsOf, hasLetGo } from "../executions.ts";
import { passwordGenerator } from "../password.ts";
import type { Policy } from "../policies.ts";
import { claim } from "../versions/claim.ts";
import { ROTATION_COPY } from "../versions/lend.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, ROTATION_CANDIDATE, type Secret } from "../versions/secret.ts";
import { checkNotCancelled } from "./cancelled.ts";

export interface CreateSecret {
  readonly target: Target;
  readonly policy: Policy;
  readonly base: string;
  readonly mode: "native" | "driven";
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
  /** How often this task was tried before. */
  readonly retries: number;
}

/**
 * The workflow's createSecret. Driven: claims the candidate and writes its value. Native: the gate writes it; this only
 * looks. May be repeated, may be cut off anywhere.
 *
 * @throws RotationError CandidateNotReady (native: no value yet), RotationInProgress (claim lost), RotationCancelled,
 *   ConfigurationInvalid, and what reading, writing and the strategy's own check throw. The target was not touched in any of these cases.
 */
export async function createSecret(step: CreateSecret): Promise<Secret> {
  const { target } = step;
  await target.strategy.check?.(rotationContext(target));
  if (step.mode === "native") return awaitCandidate(step);
  return claim(target.client, {
    secretArn: target.secretArn,
    token: target.token,
    base: step.base,
    createValue: async (secret) => {
      checkRoomForCopy(target, secret);
      const { credential } = await readCredential(target, step.base);
      await checkLastLabel(target, secret, credential);
      return newValue(target, step.policy, credential);
    },
    isFinished: async (versionId) =>
      hasLetGo(await executionsOf(step.sfn, step.stateMachineArn, target.secretArn, versionId)),
  });
}

/**
 * Builds the candidate's SecretString from the base's credential, and proves that it is one.
 * @throws RotationError ConfigurationInvalid
 */
export function newValue({ strategy }: Target, policy: Policy, current: unknown): string {
  const created = strategy.createSecret(current, passwordGenerator(policy.password));
  const value = strategy.text ? String(created) : JSON.stringify(created);
  parseCredential(strategy, value, "The new version");
  const bytes = Buffer.byteLength(value);
  if (bytes <= MOST_BYTES) return value;
  throw new RotationError(
    "ConfigurationInvalid",
    `The new version would have ${bytes} bytes with its new password, and a secret has ${MOST_BYTES} at most. Put a shorter value, or let the policy ask for shorter passwords; the target was not touched.`,
  );
}

/** Of a SecretString (Secrets Manager quotas). */
const MOST_BYTES = 65_536;

/** A secret has 20 staging labels at most. Found out by the rollback, that would be too late. */
function checkRoomForCopy({ strategy }: Target, { name, labels }: Secret): void {
  if (!strategy.isIndirect) return;
  const needed = new Set([...Object.values(labels).flat(), AWSPENDING, ROTATION_CANDIDATE, ROTATION_COPY]);
  if (needed.size <= 20) return;
  throw new RotationError(
    "ConfigurationInvalid",
    `${name} has no room for ${ROTATION_COPY}, which a rollback would need: a secret has 20 staging labels at most. Take one of your own off. The target was not touched.`,
  );
}

async function awaitCandidate(step: CreateSecret): Promise<Secret> {
  const { target, retries } = step;
  const secret = await describeSecret(target.client, target.secretArn);
  const held = secret.labels[target.token] ?? [];
  if (held.includes(AWSCURRENT)) return secret;
  if (secret.deleted) {
    throw new RotationError(
      "SecretNotFound",
      `${secret.name} was scheduled for deletion while it was being rotated. The target was not touched.`,
    );
  }
  // An empty placeholder holds AWSPENDING only; one PutSecretValue of the gate gives it a value and both labels.
  if (held.includes(ROTATION_CANDIDATE)) {
    checkRoomForCopy(target, secret);
    await checkNotCancelled(target, { pending: held.includes(AWSPENDING), native: secret, retries });
    return secret;
  }
  // The gate may be about to write, or may have refused. What it refuses for is said here too, where people see it.
  newValue(target, step.policy, (await readCredential(target, step.base)).credential);
  if (held.length === 0) await checkNotCancelled(target, { pending: false, native: secret, retries });
  throw new RotationError(
    "CandidateNotReady",
    `Version ${target.token} of ${target.secretArn} has no value yet: Secrets Manager's call of the gate is still to come, or to be repeated.`,
  );
}
