import { isDeepStrictEqual } from "node:util";
import * as z from "zod/mini";
import { RotationError } from "../errors.ts";
import { callFunction, checkFunction } from "./rotation-function.ts";
import { defineStrategy, type RotationContext } from "./strategy.ts";

/** Of the value only the password is known here: what else is in it is between the function and its target. */
const lambdaCredential = z.looseObject({ password: z.string().check(z.minLength(1)) });
export type LambdaCredential = z.infer<typeof lambdaCredential>;

/**
 * The credential of a target that only an existing rotation function knows, driven unchanged by AWS's contract, step by step. For
 * single users: the candidate is the base with another password, and the function finds it written.
 *
 * What the function says is all that is known. Its success is believed; an error of its may mean anything, also that it could not
 * reach its target, so no error of its is a "no", and each is tried again. It finds values by their staging labels, and by AWS's
 * templates does nothing at all for a version that holds AWSCURRENT, or does not hold AWSPENDING. So a version can be asked about
 * only while AWSPENDING is on it, which on the way back takes labels that core/roll-back.ts lends.
 *
 * finishSecret is never asked of it: AWSCURRENT is moved here.
 */
export const lambda = defineStrategy<LambdaCredential>({
  name: "lambda",
  scheme: "single-user",
  credential: lambdaCredential,
  isIndirect: true,

  /**
   * That the function is there, and may be called.
   * @throws RotationError ConfigurationInvalid, AccessDenied, Throttled, ServiceUnavailable, TargetUnavailable
   */
  check: checkFunction,

  createSecret: (current, generate) => ({ ...current, password: generate() }),

  /**
   * The function's createSecret first, as Secrets Manager calls it: it has to leave a version that has its value as it is.
   * @throws RotationError ConfigurationInvalid when the candidate differs from the base in more than its password (the function was
   * not called then), or there is no such function; TargetUnavailable when it fails, or does not answer in time and may still be at
   * work; AccessDenied, Throttled, ServiceUnavailable
   */
  async setSecret({ candidate, base }, context) {
    if (!sameButPassword(candidate, base)) {
      throw new RotationError(
        "ConfigurationInvalid",
        `Version ${context.versionId} must be the version before it with another password: the rotation function was not called.`,
      );
    }
    let { failed } = await callFunction(context, "createSecret", context.versionId);
    if (failed === undefined) ({ failed } = await callFunction(context, "setSecret", context.versionId));
    if (failed === undefined) return;
    const unknown = `Whether the target has version ${context.versionId} is not known.`;
    throw unproved(failed, looksAlternating(base) ? `${unknown} ${ALTERNATING}` : unknown);
  },

  /**
   * Asks the function to test the version that `context.versionId` names. Not in a test rotation: the function would say the same of
   * AWSCURRENT whatever the target accepts, and the gate, which asks then, may call none.
   * @throws RotationError TargetUnavailable when it fails or does not answer in time; RotationInProgress when somebody has made the
   * version AWSCURRENT meanwhile, so that its success proves nothing; ConfigurationInvalid, AccessDenied, Throttled, ServiceUnavailable
   */
  async testSecret(credential, context) {
    if (context.isTestRotation) return;
    const { failed } = await callFunction(context, "testSecret", context.versionId);
    if (failed !== undefined)
      throw unproved(failed, `Whether the target accepts version ${context.versionId} is not known.`);
    // Asked afterwards: until then it may have been moved.
    if (!isDeepStrictEqual(await context.readSecret(context.secretArn), credential)) return;
    throw new RotationError(
      "RotationInProgress",
      `Version ${context.versionId} was made AWSCURRENT by somebody else, or by the rotation function, before the function had tested it: of such a version it proves nothing, and whether the target accepts it is not known.`,
    );
  },

  /**
   * Has the function set the base and test it, under the id of a copy that holds AWSPENDING. To set it the function signs in with
   * what it finds: the copy, AWSCURRENT, or AWSPREVIOUS, which before promotion is put on the candidate for it. Only the test
   * decides: what a failed setSecret may have done is to set the base.
   * @throws RotationError TargetUnavailable when the function's own test of the base has not succeeded: what was seen is in the
   * message; ConfigurationInvalid, AccessDenied, Throttled, ServiceUnavailable, VersionNotVisible
   */
  async rollbackSecret({ candidate, base }, context) {
    const labels = borrow(context);
    // A candidate for another host or user: a function that does not compare them would sign in there, and set the base's password.
    const isSettable = sameButPassword(candidate, base);
    const restore = () =>
      labels.withBasePending(async (id) => {
        const set = isSettable ? await callFunction(context, "setSecret", id) : {};
        const tested = await callFunction(context, "testSecret", id);
        return tested.failed === undefined ? {} : { failed: set.failed ?? tested.failed };
      });
    // Case 1: the target has the base, or AWSCURRENT or AWSPREVIOUS open its door to the function.
    const { failed } = await restore();
    if (failed === undefined) return;
    if (!isSettable) throw unproved(failed, "Whether the target accepts the version before is not known.");
    // Case 2: before promotion the function cannot find the candidate, which the target may have. Only if it has may AWSPREVIOUS go
    // to it: the label is taken from a version that does not sign in then.
    const tested = await labels.withCandidatePending((id) => callFunction(context, "testSecret", id));
    if (tested === undefined || tested.failed !== undefined) {
      const nor = tested === undefined ? "which is AWSCURRENT" : `nor has it tested ${context.versionId}`;
      throw unproved(
        failed,
        `The version before was not set again in place of ${context.versionId}, ${nor}: which of them the target accepts is not known.`,
      );
    }
    await labels.candidateToPrevious();
    const again = await restore();
    if (again.failed === undefined) return;
    throw unproved(
      again.failed,
      `The target accepts version ${context.versionId}, and the version before could not be set in its place.`,
    );
  },

  /**
   * "accepted" where the function has tested it just now. "unknown" where it has not, for its no may mean anything, and where no
   * labels are lent.
   */
  async signIn(_credential, context) {
    const { labels } = context;
    if (labels === undefined) return "unknown";
    try {
      const { failed } = await labels.withBasePending((id) => callFunction(context, "testSecret", id));
      return failed === undefined ? "accepted" : "unknown";
    } catch (error) {
      if (error instanceof RotationError && error.name === "TargetUnavailable") return "unreachable";
      throw error;
    }
  },
});

function borrow({ labels, versionId }: RotationContext): NonNullable<RotationContext["labels"]> {
  if (labels !== undefined) return labels;
  throw new RotationError(
    "InternalError",
    `Version ${versionId} is taken back without labels for the rotation function.`,
  );
}

function unproved(failed: string, fact: string): RotationError {
  return new RotationError("TargetUnavailable", `${failed}: its own log says why. ${fact}`);
}

function sameButPassword(one: LambdaCredential, other: LambdaCredential): boolean {
  return isDeepStrictEqual({ ...one, password: "" }, { ...other, password: "" });
}

/** By what AWS's templates for alternating users need and leave in a value; some for single users need an administrator, too. */
function looksAlternating({ username, masterarn }: LambdaCredential): boolean {
  return masterarn !== undefined || (typeof username === "string" && /_clone$/i.test(username));
}

const ALTERNATING =
  "If the function is one for alternating users, it refuses a version with the same user: only those for single users can be driven.";
