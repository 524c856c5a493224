import * as z from "zod/mini";
import type { OUTCOMES } from "./outcome.ts";

/** How urgent a message is. notice: for the record. warning: in working hours. critical: production may be affected now. */
export const SEVERITIES = ["notice", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What of a secret's outcomes an audience is told. "attention": what is no mere notice. Machines are told everything. */
export const TELLS = ["everything", "attention", "nothing"] as const;

const tells = z.enum(TELLS);
const severity = z.optional(z.enum(SEVERITIES));
/** Without ROLLBACK_FAILED: that is for somebody to act on at once, whatever a policy would like. */
const severities = z.strictObject({
  SUCCEEDED: severity,
  REJECTED: severity,
  ROLLED_BACK: severity,
  NOT_CONVERGED: severity,
});

/** A policy's `messages`: to whom its outcomes go besides the topic `events`, and how urgent each is. */
export const routing = z.strictObject({
  email: z._default(tells, "everything"),
  chat: z._default(tells, "everything"),
  severities: z._default(severities, {}),
});
export type Routing = z.infer<typeof routing>;

/** The audiences that a message of that severity is for. A rollback that failed is for all of them. Pure. */
export function audiencesOf(
  given: Routing | null | undefined,
  outcome: (typeof OUTCOMES)[number],
  severity: Severity,
): readonly ("email" | "chat")[] {
  return (["email", "chat"] as const).filter((audience) => {
    const told = outcome === "ROLLBACK_FAILED" ? "everything" : (given?.[audience] ?? "everything");
    return told === "everything" || (told === "attention" && severity !== "notice");
  });
}
