import { RotationError } from "./errors.ts";

const MINUTE_MS = 60 * 1000;

/**
 * Whether an event is younger than a minute, so that one read, which may show the past, is not enough to ignore it. Lambda
 * tries an asynchronous call that has failed again, after one minute and after two more: whoever throws for a young event
 * looks again without a pause of its own, and finds the event old enough then. An event without a time is not young, nor is one whose
 * time is more than a minute ahead, which somebody's clock has got wrong: it would stay young for ever. Pure.
 */
export function isYoung(at: Date | undefined, nowMs: number): boolean {
  return at !== undefined && Math.abs(nowMs - at.getTime()) < MINUTE_MS;
}

/** What is thrown for a young event in place of ignoring it. @param reason what the read said */
export function lookAgain(secret: string, reason: string): RotationError {
  return new RotationError(
    "VersionNotVisible",
    `${secret}: ${reason.replace(/\.$/, "")}, as far as one read says, which may be behind. Nothing was started; it is looked at again in a minute.`,
  );
}
