import { readCredential, readCredentialIfAny, rotationContext, stepMs, type Target } from "./credentials.ts";
import { RotationError } from "./errors.ts";
import { copyId } from "./identity.ts";
import { keepPassedOver, keepPromoted } from "./keep-promoted.ts";
import { checkObserved, isTakingBack, type Observed } from "./observed-rotation.ts";
import type { LabelTable } from "./outcome.ts";
import { hasOverlap, type RotationContext } from "./strategies/strategy.ts";
import { lendLabels } from "./versions/lend.ts";
import { readTwice } from "./versions/read-twice.ts";
import {
  differences,
  markRolledBack,
  putLabel,
  type Restoration,
  restoreCurrent,
  restorePrevious,
  takePendingOff,
} from "./versions/restore.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  AWSPREVIOUS,
  describeSecret,
  holderOf,
  holds,
  isLastLabel,
  ROTATION_CANDIDATE,
} from "./versions/secret.ts";

export interface RollBack extends Restoration {
  readonly target: Target;
  /** Somebody else has rotated: what has to be so before their version is taken back. */
  readonly observed?: Observed | undefined;
  /** False when the policy keeps a promoted version: a leaked credential must not come back. */
  readonly mayRollBack: boolean;
  /** The pause between the two agreeing reads, in milliseconds. */
  readonly confirmPauseMs: number;
  /** How often this task was tried before. */
  readonly retries: number;
}

export interface RolledBack {
  /** The version that holds AWSCURRENT: the base, unless a person has put it elsewhere. */
  readonly live: string;
  readonly labels: LabelTable;
  /** When the version that is live now signed in last. */
  readonly signedInAt: Date;
  readonly remarks: readonly string[];
}

const PREVIOUS_UNKNOWN =
  "Which version held AWSPREVIOUS before somebody else rotated is not known; AWSPREVIOUS is on no version now.";

interface Credentials {
  readonly base: unknown;
  /** Absent: the version has no value, so it was never set anywhere. */
  readonly candidate?: unknown;
  readonly previous?: unknown;
}

/**
 * Puts target and labels back as they were, from what it observes, never from what an execution believes it did. One
 * order, so that running it twice is running it once and it may be cut off anywhere:
 *
 *  1. The target accepts the base again, proved by a sign-in. With overlap the base was never touched: it must sign in
 *     before AWSCURRENT goes to it, and the target is tidied after 2.
 *  2. AWSCURRENT from the candidate to the base. A refusal plus a read that shows the base is the only "not promoted". A read
 *     that shows a third version is a person's doing: it stays there, and has to sign in. Where that is seen before 1, the
 *     target gets that version, and never the base.
 *  3. AWSPENDING off the candidate.
 *  4. AWSPREVIOUS where it was.
 *  5. What is live signs in once more, when nothing that a step has begun can land any more. ROTATION_ROLLED_BACK on, ROTATION_CANDIDATE off: until here that label may be the only
 *     one on the only version that opens the door.
 *  6. Two agreeing reads, some seconds apart.
 *
 * @throws RotationError NotConverged (promoted, and rollback is forbidden: nothing was written), CredentialDrift,
 *   CredentialRejected, AccessDenied (terminal); RotationUnfinished (observed), TargetUnavailable, VersionNotVisible and others (retryable)
 */
export async function rollBack(step: RollBack): Promise<RolledBack> {
  const { target } = step;
  const begunMs = Date.now();
  if (!step.mayRollBack) await keepPromoted(step);
  if (step.observed !== undefined) {
    const secret = await checkObserved(target, step, step.observed);
    const { labels } = secret;
    if (!isTakingBack(secret, step.token)) await keepPassedOver(step, labels);
    // As in a rotation of ours: the version that is taken back is never without a label, and by that one the next attempt, a
    // repair and dispatch know whose move of AWSCURRENT it was.
    if (!isLastLabel(labels, ROTATION_CANDIDATE, step.token)) {
      await putLabel(target.client, step.secretArn, ROTATION_CANDIDATE, step.token);
    }
  }
  const known = await readCredentials(step);
  const overlap = hasOverlap(target.strategy);
  // The base is not gone back to, and may have no label any more: with one password at the target it would open no door.
  const isElsewhere = await lookWhereCurrentIs(step);
  const isProved = !isElsewhere && (await (overlap ? proveBase(step, known) : restoreTarget(step, known, step.base)));
  // Now that the base opens the door the label may leave the version whose last one it was.
  if (step.observed !== undefined && isProved) {
    await putLabel(target.client, step.secretArn, ROTATION_CANDIDATE, step.token);
  }
  const live = await restoreCurrent(target.client, step);
  const credential = live === step.base ? known.base : await acceptElsewhere(step, known, live);
  if (overlap) await restoreTarget(step, { ...known, base: credential }, live);
  await takePendingOff(target.client, step);
  const remark = live === step.base ? await restorePrevious(target.client, step) : await leaveElsewhere(step, live);
  if (target.strategy.isIndirect) await until(begunMs + stepMs(target));
  const signedInAt = await proveSignIn(step, credential, live, "CredentialRejected");
  const mark = await markRolledBack(target.client, step, known.candidate !== undefined);
  const previous = remark === undefined ? step.previous : undefined;
  const labels = await readTwice(step, () => readRestored(target, { ...step, base: live, previous }));
  const unknown = step.observed === undefined ? undefined : PREVIOUS_UNKNOWN;
  return { live, labels, signedInAt, remarks: [remark, mark, unknown].filter((each) => each !== undefined) };
}

async function readCredentials(step: RollBack): Promise<Credentials> {
  const { target } = step;
  const base = (await readCredential(target, step.base)).credential;
  const candidate = await readCandidateIfAny(step);
  if (candidate !== undefined) return { base, candidate, previous: await readCredentialIfAny(target, step.previous) };
  // A candidate without a value was never set anywhere, so the base must open the door. If it does not, the read was stale.
  if ((await target.strategy.signIn(base, contextOf(step, step.base))) === "accepted") return { base };
  throw new RotationError(
    "VersionNotVisible",
    `Version ${step.token} of ${step.secretArn} shows no value; looking again.`,
  );
}

/** A version that carries a label of ours has a value: a read without one is stale, however often it is repeated. */
async function readCandidateIfAny({ target, token, retries }: RollBack): Promise<unknown> {
  const credential = await readCredentialIfAny(target, token);
  if (credential !== undefined) return credential;
  const { labels } = await describeSecret(target.client, target.secretArn);
  const written = [ROTATION_CANDIDATE, AWSCURRENT].some((label) => holds(labels, token, label));
  if (!written && retries > 0) return undefined;
  throw new RotationError(
    "VersionNotVisible",
    `Version ${token} of ${target.secretArn} shows no value that can be read; looking again.`,
  );
}

/**
 * Whether a person has put AWSCURRENT on a third version. One read is not believed: the move that is refused confirms it. And
 * without overlap a base that has lost its every label gets AWSCURRENT before its password: the candidate keeps one meanwhile.
 */
async function lookWhereCurrentIs(step: RollBack): Promise<boolean> {
  const { client } = step.target;
  const { labels } = await describeSecret(client, step.secretArn);
  const current = holderOf(labels, AWSCURRENT);
  if (current === undefined || current === step.base) return false;
  const isLabelled = (labels[step.base] ?? []).length > 0;
  if (current === step.token && (isLabelled || hasOverlap(step.target.strategy))) return false;
  const previous = holderOf(labels, AWSPREVIOUS);
  if (current === step.token && previous !== undefined && previous !== step.token) {
    // Twice a person has made another version AWSCURRENT. The move to the base would take AWSPREVIOUS from the last of those.
    throw new RotationError(
      "CredentialDrift",
      `Version ${step.base} of ${step.secretArn} has no label any more, and AWSPREVIOUS is on version ${previous} of somebody else's, which may be the only one that the target accepts. Nothing was moved.`,
    );
  }
  return (await restoreCurrent(client, step)) !== step.base;
}

/**
 * With overlap nobody has touched the base. AWSCURRENT must not go to a version that does not open the door.
 * @returns whether it does; false where a person has moved AWSCURRENT elsewhere
 */
function proveBase(step: RollBack, { base }: Credentials): Promise<boolean> {
  return unlessElsewhere(step, proveSignIn(step, base, step.base, "CredentialDrift"));
}

/**
 * @param live the version whose credential is `base`
 * @returns whether the target accepts it; false where a person has moved AWSCURRENT elsewhere
 */
async function restoreTarget(
  step: RollBack,
  { base, candidate, previous }: Credentials,
  live: string,
): Promise<boolean> {
  if (candidate === undefined) return true;
  const { strategy } = step.target;
  return unlessElsewhere(step, strategy.rollbackSecret({ candidate, base, previous }, contextOf(step, live)));
}

/** Drift is not the end where a person has moved AWSCURRENT elsewhere: then the base need not open the door. */
async function unlessElsewhere(step: RollBack, proof: Promise<unknown>): Promise<boolean> {
  try {
    await proof;
    return true;
  } catch (error) {
    if (!(error instanceof RotationError) || error.name !== "CredentialDrift") throw error;
    const current = holderOf((await describeSecret(step.target.client, step.secretArn)).labels, AWSCURRENT);
    if (current === step.base || current === step.token) throw error;
    return false;
  }
}

/**
 * A person has put AWSCURRENT on another version during the rotation. The target has to accept that one: where it does not,
 * and the target knows one password only, it is set there as the base would have been.
 */
async function acceptElsewhere(step: RollBack, known: Credentials, live: string): Promise<unknown> {
  const { target } = step;
  const { credential } = await readCredential(target, live);
  const answer = await target.strategy.signIn(credential, contextOf(step, live));
  if (answer === "rejected" && !hasOverlap(target.strategy)) {
    const versions = { candidate: known.base, base: credential, previous: known.candidate };
    await target.strategy.rollbackSecret(versions, contextOf(step, live));
  }
  return credential;
}

/** AWS has put AWSPREVIOUS on the candidate when the person moved AWSCURRENT away from it: nothing is to be gone back to there. */
async function leaveElsewhere(step: RollBack, live: string): Promise<string> {
  await restorePrevious(step.target.client, { ...step, previous: undefined });
  return `AWSCURRENT was moved to version ${live} by somebody else during the rotation, and stays there.`;
}

async function proveSignIn(
  step: RollBack,
  credential: unknown,
  versionId: string,
  refused: "CredentialDrift" | "CredentialRejected",
): Promise<Date> {
  const { target } = step;
  const answer = await target.strategy.signIn(credential, contextOf(step, versionId));
  if (answer === "accepted") return new Date();
  if (answer !== "rejected") {
    throw new RotationError(
      "TargetUnavailable",
      `The target could not be asked whether it accepts version ${versionId}.`,
    );
  }
  throw new RotationError(
    refused,
    `The target refuses version ${versionId} of ${target.secretArn}, which has to be live.`,
  );
}

/** @param live the version that the target is to accept */
function contextOf(step: RollBack, live: string): RotationContext {
  return { ...rotationContext(step.target), labels: lendLabels(step.target.client, step, live) };
}

async function readRestored(target: Target, wanted: Restoration): Promise<LabelTable> {
  const { labels } = await describeSecret(target.client, target.secretArn);
  const { secretArn, token, base } = wanted;
  const found = [...differences(labels, wanted)];
  if (holds(labels, copyId(secretArn, token, base), AWSPENDING)) found.push("AWSPENDING is on a copy of what is live");
  if (found.length === 0) return labels;
  throw new RotationError("VersionNotVisible", `After the rollback of ${target.secretArn}: ${found.join("; ")}.`);
}

async function until(timeMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, timeMs - Date.now())));
}
