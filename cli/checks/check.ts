import { isRetryable, RotationError } from "../../core/errors.ts";
import { explain } from "../cli-error.ts";
import type { Session } from "../session.ts";

/** What was looked at, and how it is. "blocking": rotations do not work, or nobody hears of them. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warning" | "blocking";
  readonly says: string;
  readonly todo?: string;
}

/**
 * One kind of look. What it cannot look at is a finding, too: it throws nothing that belongs to one thing alone. What it throws
 * costs this look only.
 */
export type Check = (session: Session, secretId: string | undefined) => Promise<readonly Finding[]>;

export function ok(check: string, says: string): Finding {
  return { check, state: "ok", says };
}

export function warning(check: string, says: string, todo: string): Finding {
  return { check, state: "warning", says, todo };
}

export function blocking(check: string, says: string, todo: string): Finding {
  return { check, state: "blocking", says, todo };
}

/** What kept it from being looked at: an operator may not be allowed to see everything. */
export function unseen(check: string, what: string, error: unknown): Finding {
  const says = (why: string) => `${what} could not be looked at: ${why}`;
  if (isDenied(error)) {
    const todo = "allow it (docs/cli.md#rights), or ask somebody who may";
    return warning(check, says("these credentials may not look at it"), todo);
  }
  const { message, todo = "run it again with --debug, to see which call it was" } = explain(error);
  return warning(check, says(message), isRetryable(error) ? "look again in a minute" : todo);
}

/** Whether these credentials may not look: that is no fault of what was to be looked at. */
export function isDenied(error: unknown): boolean {
  return error instanceof RotationError && error.name === "AccessDenied";
}
