import type { Session } from "../session.ts";

/** What was looked at, and how it is. "blocking": rotations do not work, or nobody hears of them. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warning" | "blocking";
  readonly says: string;
  readonly todo?: string;
}

/** One kind of look. What it cannot look at is a finding, too: it throws nothing that belongs to one thing alone. */
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
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  const why = name === "AccessDenied" ? "these credentials may not look at it" : `${name}: ${message}`;
  return warning(
    check,
    `${what} could not be looked at: ${why}`,
    "allow it (docs/cli.md#rights), or ask somebody who may",
  );
}
